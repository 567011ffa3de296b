//! A `ContainerImage` of fal's SDK: exactly what its `to_dict()` gives, as JSON.

use super::{
    Dockerfile, Manifest,
    checks::{Result, Table},
    credentials,
    file::File,
    ignore, json, messages,
    value::Item,
};

/// What the SDK writes, and `syntax`, which chooses a frontend.
const KEYS: [&str; 14] = [
    "dockerfile_str",
    "build_args",
    "registries",
    "builder",
    "compression",
    "force_compression",
    "secrets",
    "docker_context_dir",
    "docker_files_list",
    "docker_ignore",
    "entrypoint",
    "cmd",
    "use_isolate",
    "syntax",
];

/// What the SDK does when nothing is said.
const COMPRESSION: &str = "gzip";

pub(super) fn read(file: &File<'_>) -> Result<Manifest> {
    let entries = json::read(file)?;
    let image = Table {
        file,
        entries: &entries,
    };
    credentials::refuse_values(image)?;
    let text = image.text("dockerfile_str", "dockerfile_str must be a string.")?;
    let text = text.filter(|text| !text.trim().is_empty());
    let text = text.ok_or_else(|| match image.get("dockerfile_str") {
        Some(entry) => image.wrong(entry, messages::NO_DOCKERFILE),
        None => file.mistake(super::empty_dockerfile()),
    })?;
    let name = format!("{}:dockerfile_str", file.name);
    let mut manifest = Manifest::new(Dockerfile::Within {
        name,
        text: text.to_owned(),
    });
    manifest.registries =
        credentials::registries(image, messages::REGISTRIES, messages::NO_CREDENTIALS)?;
    builder(image, &mut manifest)?;
    manifest.entrypoint = image.command("entrypoint")?;
    manifest.cmd = image.command("cmd")?;
    if image.read("use_isolate", Item::bool, messages::USE_ISOLATE)? == Some(false) {
        manifest.options.push(("mode", "server".to_owned()));
    }
    manifest.build_args = image.build_args()?;
    manifest.secrets = credentials::secrets(image)?;
    compression(image, &mut manifest)?;
    let folder = image.text("docker_context_dir", "docker_context_dir must be a string.")?;
    manifest.context_dir = folder.map(str::to_owned);
    image.text_list("docker_files_list", "docker_files_list")?;
    docker_ignore(image, &mut manifest)?;
    image.text("syntax", "syntax must be a string.")?;
    image.refuse_unknown(&KEYS, messages::unexpected_in_image)?;
    Ok(manifest)
}

/// Who builds on fal: nobody asks here, but a wrong name is refused as the SDK refuses it.
fn builder(image: Table<'_>, manifest: &mut Manifest) -> Result<()> {
    let Some(builder) = image.text("builder", "builder must be a string.")? else {
        return Ok(());
    };
    let Some(entry) = image.get("builder") else {
        return Ok(());
    };
    match builder {
        "" | "depot" => Ok(()),
        "service" | "worker" => {
            let warning = messages::deprecated_builder(builder);
            let place = image.file.entry(entry);
            manifest.warnings.push(place.mistake(warning));
            Ok(())
        }
        _ => Err(image.wrong(
            entry,
            format!("Invalid builder: {builder}, must be one of {{'depot', 'service', 'worker'}}"),
        )),
    }
}

/// How layers are packed is decided by the exporter, which a frontend does not talk to.
fn compression(image: Table<'_>, manifest: &mut Manifest) -> Result<()> {
    let wanted = image.text("compression", "compression must be a string.")?;
    let forced = image.boolean("force_compression", "force_compression")?;
    if let (Some(wanted), Some(entry)) = (wanted, image.get("compression"))
        && wanted != COMPRESSION
    {
        let warning = messages::compression(
            &format!("compression {wanted}"),
            &format!("compression={wanted}"),
        );
        let place = image.file.key(entry);
        manifest.warnings.push(place.mistake(warning));
    }
    if let (Some(true), Some(entry)) = (forced, image.get("force_compression")) {
        let warning = messages::compression("force_compression", "force-compression=true");
        let place = image.file.key(entry);
        manifest.warnings.push(place.mistake(warning));
    }
    Ok(())
}

fn docker_ignore(image: Table<'_>, manifest: &mut Manifest) -> Result<()> {
    let Some(expressions) = image.text_list("docker_ignore", "docker_ignore")? else {
        return Ok(());
    };
    let Some(entry) = image.get("docker_ignore") else {
        return Ok(());
    };
    let mut patterns = Vec::new();
    let mut unsaid = Vec::new();
    for expression in &expressions {
        match ignore::pattern(expression) {
            Some(pattern) => patterns.extend(pattern),
            None => unsaid.push(expression.as_str()),
        }
    }
    // One warning, however many there are: each would have the lines of the file with it.
    if !unsaid.is_empty() {
        let warning = messages::no_patterns(&unsaid);
        let place = image.file.key(entry);
        manifest.warnings.push(place.mistake(warning));
    }
    manifest.ignore = Some(patterns);
    Ok(())
}
