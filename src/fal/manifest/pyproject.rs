//! `[tool.fal.apps.NAME]` of `pyproject.toml`, as fal's own tool reads it, and refused in its words.

use crate::{diagnostic::Diagnostic, fal::requirements, golang, reference::image};

use super::{
    Dockerfile, Manifest, Place, Requirements,
    checks::{Result, Table},
    credentials,
    file::File,
    messages, toml,
    value::{Entry, Item, find},
};

/// What an app may say.
const KEYS: [&str; 37] = [
    "image",
    "python_entry_point",
    "ref",
    "auth",
    "deployment_strategy",
    "team",
    "name",
    "requirements",
    "requirements_context_dir",
    "python_version",
    "min_concurrency",
    "max_concurrency",
    "max_multiplexing",
    "concurrency_buffer",
    "concurrency_buffer_perc",
    "scaling_delay",
    "request_timeout",
    "request_start_timeout",
    "startup_timeout",
    "keep_alive",
    "private_logs",
    "machine_type",
    "num_gpus",
    "regions",
    "app_files",
    "app_files_ignore",
    "app_files_context_dir",
    "exposed_port",
    "metrics_port",
    "_scheduler",
    "_scheduler_options",
    "skip_retry_conditions",
    "retry_config",
    "termination_grace_period_seconds",
    "secrets",
    "data_mounts",
    "health_check",
];

/// What an app may say beside, in its old form and its new.
const SCALE_KEYS: [&str; 2] = ["no_scale", "app_scale_settings"];

const IMAGE_KEYS: [&str; 7] = [
    "dockerfile",
    "image",
    "build_args",
    "secrets",
    "registries",
    "entrypoint",
    "cmd",
];

const HEALTH_CHECK_KEYS: [&str; 6] = [
    "path",
    "start_period_seconds",
    "timeout_seconds",
    "failure_threshold",
    "call_regularly",
    "method",
];

const REGIONS: [&str; 5] = ["eu-north", "eu-west", "us-central", "us-east", "us-west"];

const RETRY_CONDITIONS: [&str; 3] = ["connection_error", "server_error", "timeout"];

pub(super) fn read(file: &File<'_>, target: Option<&str>) -> Result<Manifest> {
    let entries = toml::read(file)?;
    let apps = apps(file, &entries)?;
    for app in apps {
        let app = app.item.table().unwrap_or_default();
        refuse_written_credentials(file, app)?;
        let image = find(app, "image");
        if let Some(entries) = image.and_then(|image| image.item.table()) {
            credentials::refuse_values(Table { file, entries })?;
        }
    }
    let entry = choose(file, apps, target)?;
    let Some(entries) = entry.item.table() else {
        let sentence = format!("App {} must be a table in pyproject.toml", entry.key);
        return Err(Box::new(
            file.key(entry).mistake(Diagnostic::error(sentence)),
        ));
    };
    let app = App {
        name: &entry.key,
        place: file.key(entry),
        table: Table { file, entries },
    };
    app.read()
}

/// `[tool.fal.apps]`. fal takes `--` out of the names in `[tool.fal]`, and `_` for `-`.
fn apps<'a>(file: &File<'_>, entries: &'a [Entry]) -> Result<&'a [Entry]> {
    let inside = |entries: &'a [Entry], key: &str| find(entries, key)?.item.table();
    let fal = inside(entries, "tool").and_then(|tool| inside(tool, "fal"));
    let is_apps = |entry: &&Entry| entry.key.replace("--", "") == "apps";
    let apps = fal.and_then(|fal| fal.iter().rfind(is_apps)?.item.table());
    apps.filter(|apps| !apps.is_empty())
        .ok_or_else(|| file.mistake(messages::no_apps(file.name)))
}

/// The app that `target` names, or the only one.
fn choose<'a>(file: &File<'_>, apps: &'a [Entry], target: Option<&str>) -> Result<&'a Entry> {
    let names = || apps.iter().map(|app| app.key.as_str());
    match (target, apps) {
        (Some(target), _) => find(apps, target).ok_or_else(|| {
            let sentence = format!("App {target} not found in pyproject.toml");
            let nearest = golang::nearest(target, names(), true);
            file.mistake(Diagnostic::error(sentence).suggest(nearest))
        }),
        (None, [app]) => Ok(app),
        (None, _) => {
            let names: Vec<&str> = names().collect();
            Err(file.mistake(messages::which_app(file.name, &names.join(", "))))
        }
    }
}

/// Fails for a requirement with a credential in it: nothing else is said of a file that has one.
fn refuse_written_credentials(file: &File<'_>, app: &[Entry]) -> Result<()> {
    let Some(entry) = find(app, "requirements") else {
        return Ok(());
    };
    let layers = entry.item.list().unwrap_or_default().iter();
    let texts = layers.flat_map(|item| {
        let inner = item.list().unwrap_or_default().iter();
        item.text().into_iter().chain(inner.filter_map(Item::text))
    });
    // The value of a flag may be an item of its own.
    let all = texts.collect::<Vec<_>>().join(" ");
    match requirements::has_credential(&all) {
        true => Err(Box::new(
            file.key(entry).mistake(requirements::credential()),
        )),
        false => Ok(()),
    }
}

/// The table of one app.
struct App<'a> {
    name: &'a str,
    place: Place,
    table: Table<'a>,
}

/// How an app is found in its code.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Code {
    /// It is pickled where it is deployed.
    Reference,
    /// It is imported in the image.
    EntryPoint,
    /// There is none: the image is the app.
    None,
}

impl<'a> App<'a> {
    fn read(&self) -> Result<Manifest> {
        let code = self.code()?;
        let requirements = self.requirements()?;
        let version = self.python_version()?;
        self.check_settings()?;
        let known = [&KEYS[..], &SCALE_KEYS[..]].concat();
        let mut manifest = match self.table.get("image") {
            Some(image) => self.image(image)?,
            None => Manifest::new(self.base(version)?),
        };
        self.table.refuse_unknown(&known, |keys| {
            format!("Found unexpected keys in pyproject.toml: {keys}")
        })?;
        manifest.target_is_app = true;
        manifest.requirements = requirements;
        match (code, version) {
            (Code::None, _) => manifest.options.push(("mode", "server".to_owned())),
            // What is imported in the image is not pickled, and any Python does.
            (Code::Reference, Some(version)) => {
                manifest.options.push(("python", version.minor()));
            }
            _ => {}
        }
        let port = self.table.get("exposed_port");
        if let Some(port) = port.and_then(|port| port.item.integer())
            && port > 0
        {
            manifest.options.push(("port", port.to_string()));
        }
        Ok(manifest)
    }

    fn code(&self) -> Result<Code> {
        let name = self.name;
        let entry_point =
            format!("App {name} python_entry_point must be a string in pyproject.toml");
        if self
            .table
            .text("python_entry_point", entry_point)?
            .is_some()
        {
            return match self.table.get("ref") {
                None => Ok(Code::EntryPoint),
                Some(entry) => Err(self.table.wrong(
                    entry,
                    format!(
                        "App {name} cannot have both ref and python_entry_point keys in pyproject.toml"
                    ),
                )),
            };
        }
        let reference = format!("App {name} ref must be a string in pyproject.toml");
        match self.table.text("ref", reference)? {
            Some(_) => Ok(Code::Reference),
            None if self.table.get("image").is_some() => Ok(Code::None),
            None => Err(self.here(format!(
                "App {name} does not have a ref key in pyproject.toml"
            ))),
        }
    }

    /// A flat list is one layer, a list of lists a layer each.
    fn requirements(&self) -> Result<Vec<Requirements>> {
        let layers = |item: &Item| match item.texts() {
            Some(items) => Some(vec![items]),
            None => item.list()?.iter().map(Item::texts).collect(),
        };
        let layers = self.table.read(
            "requirements",
            layers,
            "requirements must be a list of strings or a list of lists of strings.",
        )?;
        let folder = self.table.text(
            "requirements_context_dir",
            "requirements_context_dir must be a string.",
        )?;
        let Some(entry) = self.table.get("requirements") else {
            return Ok(Vec::new());
        };
        let place = self.table.file.key(entry);
        let layer = |items| Requirements {
            items,
            folder: folder.map(str::to_owned),
            place: place.clone(),
        };
        Ok(layers.into_iter().flatten().map(layer).collect())
    }

    fn python_version(&self) -> Result<Option<Version<'a>>> {
        let otherwise = format!(
            "App {} python_version must be a string in pyproject.toml",
            self.name
        );
        let written = self.table.text("python_version", otherwise)?;
        let Some((written, entry)) = written.zip(self.table.get("python_version")) else {
            return Ok(None);
        };
        match Version::read(written) {
            Some(version) => Ok(Some(version)),
            None => {
                let sentence = messages::no_version(self.name, written);
                Err(self.table.wrong(entry, sentence))
            }
        }
    }

    /// An app without an image builds on the Python that it asks for.
    fn base(&self, version: Option<Version<'_>>) -> Result<Dockerfile> {
        let entry = self.table.get("python_version");
        let Some((version, entry)) = version.zip(entry) else {
            return Err(self.here(messages::no_base(self.name)));
        };
        let text = format!("FROM python:{}-slim\n", version.0);
        Ok(made(&self.table.file.entry(entry), &text))
    }

    fn image(&self, entry: &'a Entry) -> Result<Manifest> {
        let name = self.name;
        let Some(entries) = entry.item.table() else {
            let sentence = format!("App {name} image must be a table in pyproject.toml");
            return Err(self.table.wrong(entry, sentence));
        };
        let image = Table {
            file: self.table.file,
            entries,
        };
        let wrong = |sentence: String| self.table.wrong(entry, sentence);
        let dockerfile = match (image.get("dockerfile"), image.get("image")) {
            (None, None) => {
                return Err(wrong(format!(
                    "App {name} image must specify either 'dockerfile' (path) or 'image' (container image) in pyproject.toml"
                )));
            }
            (Some(_), Some(_)) => {
                return Err(wrong(format!(
                    "App {name} image must specify only one of 'dockerfile' or 'image' in pyproject.toml"
                )));
            }
            (Some(entry), None) => {
                let Some(path) = entry.item.text() else {
                    let sentence =
                        format!("App {name} image.dockerfile must be a string in pyproject.toml");
                    return Err(image.wrong(entry, sentence));
                };
                Dockerfile::Beside {
                    path: path.to_owned(),
                    owner: format!("App {name}"),
                    place: image.file.entry(entry),
                }
            }
            (None, Some(entry)) => {
                let dockerfile = self.reference(image, entry)?;
                refuse_build_keys(image)?;
                dockerfile
            }
        };
        let mut manifest = Manifest::new(dockerfile);
        manifest.build_args = image.build_args()?;
        manifest.secrets = credentials::secrets(image)?;
        manifest.entrypoint = image.command("entrypoint")?;
        manifest.cmd = image.command("cmd")?;
        manifest.registries = credentials::registries(
            image,
            "registries must be a table in pyproject.toml",
            "Each registry must be a table in pyproject.toml",
        )?;
        image.refuse_unknown(&IMAGE_KEYS, |keys| {
            format!("Found unexpected keys in app {name} image: {keys}")
        })?;
        Ok(manifest)
    }

    /// An image that is there already.
    fn reference(&self, image: Table<'_>, entry: &Entry) -> Result<Dockerfile> {
        let name = self.name;
        let written = entry.item.text().map(str::trim).unwrap_or_default();
        if written.is_empty() {
            let sentence =
                format!("App {name} image.image must be a non-empty string in pyproject.toml");
            return Err(image.wrong(entry, sentence));
        }
        // It becomes a line of a Dockerfile, so nothing but a name may stand there.
        if let Err(why) = image::parse_normalized(written) {
            let sentence = messages::no_reference(name, &why.to_string());
            return Err(image.wrong(entry, sentence));
        }
        let place = image.file.entry(entry);
        Ok(made(&place, &format!("FROM {written}\n")))
    }

    /// What says nothing about the image, and is refused as fal refuses it.
    fn check_settings(&self) -> Result<()> {
        let app = &self.table;
        self.check_words("regions", &REGIONS, |wrong, right| {
            format!("Invalid regions: {wrong}. Valid regions are: {right}")
        })?;
        app.text_list("app_files", "app_files")?;
        app.text_list("app_files_ignore", "app_files_ignore")?;
        let folder = app.text(
            "app_files_context_dir",
            "app_files_context_dir must be a string.",
        )?;
        if let (Some(_), None, Some(entry)) = (
            folder,
            app.get("app_files"),
            app.get("app_files_context_dir"),
        ) {
            return Err(app.wrong(
                entry,
                "app_files_context_dir is only supported when app_files is provided.",
            ));
        }
        self.check_port("exposed_port")?;
        self.check_port("metrics_port")?;
        let files = app.get("app_files").filter(|files| {
            let has_any = files.item.list().is_some_and(|files| !files.is_empty());
            has_any && app.get("image").is_some()
        });
        if let Some(entry) = files {
            return Err(app.wrong(entry, "app_files is not supported for container apps."));
        }
        app.integer("keep_alive", "keep_alive")?;
        app.boolean("private_logs", "private_logs")?;
        let named = |item: &Item| item.text().filter(|text| !text.is_empty()).map(drop);
        app.read(
            "_scheduler",
            named,
            "_scheduler must be a non-empty string.",
        )?;
        app.read(
            "_scheduler_options",
            |item| item.table().map(drop),
            "_scheduler_options must be a table in pyproject.toml.",
        )?;
        self.check_words(
            "skip_retry_conditions",
            &RETRY_CONDITIONS,
            |wrong, right| {
                format!("Invalid skip_retry_conditions: {wrong}. Valid conditions are: {right}")
            },
        )?;
        self.check_retries()?;
        app.integer(
            "termination_grace_period_seconds",
            "termination_grace_period_seconds",
        )?;
        app.text_list("secrets", "secrets")?;
        app.text_list("data_mounts", "data_mounts")?;
        self.check_health()
    }

    /// A list of words that are all known.
    fn check_words(
        &self,
        key: &str,
        known: &[&str],
        sentence: impl FnOnce(&str, &str) -> String,
    ) -> Result<()> {
        let words = self.table.text_list(key, key)?.unwrap_or_default();
        let mut wrong: Vec<&str> = words.iter().map(String::as_str).collect();
        wrong.retain(|word| !known.contains(word));
        wrong.sort_unstable();
        wrong.dedup();
        match (wrong.is_empty(), self.table.get(key)) {
            (false, Some(entry)) => {
                let sentence = sentence(&wrong.join(", "), &known.join(", "));
                Err(self.table.wrong(entry, sentence))
            }
            _ => Ok(()),
        }
    }

    fn check_port(&self, key: &str) -> Result<()> {
        let port = self.table.integer(key, key)?;
        let is_wrong = port.is_some_and(|port| !(0..=65535).contains(&port));
        match self.table.get(key).filter(|_| is_wrong) {
            Some(entry) => {
                let sentence = format!("{key} must be between 0 and 65535.");
                Err(self.table.wrong(entry, sentence))
            }
            None => Ok(()),
        }
    }

    fn check_retries(&self) -> Result<()> {
        let conditions = self.table.read(
            "retry_config",
            Item::table,
            "retry_config must be a mapping of condition -> {retries: int}",
        )?;
        let (Some(conditions), Some(whole)) = (conditions, self.table.get("retry_config")) else {
            return Ok(());
        };
        for entry in conditions {
            let condition = &entry.key;
            if !RETRY_CONDITIONS.contains(&condition.as_str()) {
                let sentence = format!(
                    "Invalid retry_config condition: {condition}. Valid conditions are: {}",
                    RETRY_CONDITIONS.join(", ")
                );
                return Err(self.table.wrong(entry, sentence));
            }
            let retries = match entry.item.table() {
                Some([retries]) if retries.key == "retries" => retries,
                _ => {
                    let sentence = format!(
                        "retry_config['{condition}'] must be an object of the form {{\"retries\": <non-negative int>}}"
                    );
                    return Err(self.table.wrong(entry, sentence));
                }
            };
            if retries.item.integer().is_none() {
                let sentence = format!("retry_config['{condition}']['retries'] must be an integer");
                return Err(self.table.wrong(retries, sentence));
            }
        }
        match conditions.is_empty() {
            true => Err(self
                .table
                .wrong(whole, "retry_config must have at least one condition.")),
            false => Ok(()),
        }
    }

    fn check_health(&self) -> Result<()> {
        let name = self.name;
        let table = format!("App {name} health_check must be a table in pyproject.toml");
        let checks = self.table.read("health_check", Item::table, table)?;
        let (Some(entries), Some(whole)) = (checks, self.table.get("health_check")) else {
            return Ok(());
        };
        let check = Table {
            file: self.table.file,
            entries,
        };
        let path = format!("App {name} health_check.path must be a string in pyproject.toml");
        if check.text("path", path)?.is_none() {
            let sentence = format!("App {name} health_check must specify 'path' in pyproject.toml");
            return Err(self.table.wrong(whole, sentence));
        }
        for key in [
            "start_period_seconds",
            "timeout_seconds",
            "failure_threshold",
        ] {
            check.integer(key, &format!("health_check.{key}"))?;
        }
        check.boolean("call_regularly", "health_check.call_regularly")?;
        check.refuse_unknown(&HEALTH_CHECK_KEYS, |keys| {
            format!("Found unexpected keys in app {name} health_check: {keys}")
        })
    }

    fn here(&self, sentence: String) -> Box<super::Mistake> {
        Box::new(self.place.mistake(Diagnostic::error(sentence)))
    }
}

/// An image that is there already is not built, so nothing that a build takes can be said.
fn refuse_build_keys(image: Table<'_>) -> Result<()> {
    let keys: Vec<&str> = ["build_args", "secrets"]
        .into_iter()
        .filter(|key| image.get(key).is_some())
        .collect();
    let Some(entry) = keys.first().and_then(|key| image.get(key)) else {
        return Ok(());
    };
    let quoted: Vec<String> = keys.iter().map(|key| format!("'{key}'")).collect();
    let sentence = format!(
        "Image key(s) {} are only supported with image.dockerfile in pyproject.toml",
        quoted.join(", ")
    );
    Err(image.wrong(entry, sentence))
}

/// Instructions on the line that they follow from.
fn made(place: &Place, text: &str) -> Dockerfile {
    Dockerfile::Made {
        text: place.aligned(text),
        shown: place.shown().clone(),
    }
}

/// `3.11` or `3.11.4`.
#[derive(Clone, Copy)]
struct Version<'a>(&'a str);

impl<'a> Version<'a> {
    fn read(text: &'a str) -> Option<Self> {
        let numbers: Vec<&str> = text.split('.').collect();
        let is_number = |text: &&str| {
            (1..=4).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
        };
        let is_version = (2..=3).contains(&numbers.len()) && numbers.iter().all(is_number);
        is_version.then_some(Self(text))
    }

    /// `3.11`
    fn minor(self) -> String {
        self.0.split('.').take(2).collect::<Vec<_>>().join(".")
    }
}
