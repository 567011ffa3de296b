//! What `mode=app` does to a definition.

use std::{collections::BTreeMap, fs, path::Path};

use fal_frontend::{
    cli::offline,
    fal::{
        layers::{self, Base, Layers},
        options::Refresh,
    },
    llb::{Location, Meta, exec::NetMode, line_by_line, source::Image},
    plan,
    source::Source,
};

/// Promise: nothing the user wrote is changed. The plain definition is in the other, op for op and in the same order, and what
/// is fal's comes after it.
#[test]
fn the_fal_layers_come_after_a_definition_that_they_leave_alone() {
    let mut converted = 0;
    for group in [
        "args", "cache", "config", "copy", "env", "from", "heredoc", "mounts", "onbuild", "run",
        "stages",
    ] {
        for case in fs::read_dir(Path::new("tests/parity").join(group)).unwrap() {
            let file = case.unwrap().path().join("Dockerfile");
            let Ok(bytes) = fs::read(&file) else { continue };
            converted += usize::from(check(&Source::new(file.display().to_string(), bytes)));
        }
    }
    assert!(
        converted > 80,
        "only {converted} Dockerfiles of the corpus were converted"
    );
}

/// Whether the file can be converted without its options; if so, the promise is held to it.
fn check(source: &Source) -> bool {
    let Ok(mut file) = offline::convert(source, None, &BTreeMap::new()) else {
        return false;
    };
    let plain = offline::definition(&file.plan.llb, file.plan.output);
    let image = Image {
        reference: "docker.io/library/fal-frontend:latest".to_owned(),
        ..Image::default()
    };
    let helper = file.plan.llb.add_source(image, Meta::default());
    let platform = plan::op_platform(&file.plan.platform);
    let layers = Layers {
        helper,
        curl_image: None,
        request: file.fal.request(&file.plan.image),
        build_platform: platform.clone(),
        target_platform: platform,
        base: Base::default(),
        environment: layers::environment_of(&file.plan.image),
        proxy: None,
        extra_hosts: Vec::new(),
        network: NetMode::Unset,
        ignore_cache: false,
        build: String::new(),
        refresh: Refresh::Off,
        location: Location {
            source_map: file.plan.file,
            ranges: line_by_line(1, 1),
        },
        shown_platform: None,
        has_content_cache: true,
        merges: true,
    };
    let output = layers.all(&mut file.plan.llb, file.plan.output);
    let app = offline::definition(&file.plan.llb, output);

    // The last op only points at the result.
    let ops = &plain.ops[..plain.ops.len().saturating_sub(1)];
    let kept: Vec<_> = app.ops.iter().filter(|op| ops.contains(op)).collect();
    assert_eq!(kept, ops.iter().collect::<Vec<_>>(), "{}", source.name);
    let last = app.ops.iter().rposition(|op| ops.contains(op));
    let first_of_fal = app
        .ops
        .iter()
        .position(|op| String::from_utf8_lossy(op).contains("/.fal-helper"));
    assert!(last < first_of_fal, "{}", source.name);
    for (digest, metadata) in &plain.metadata {
        if ops
            .iter()
            .any(|op| fal_frontend::llb::digest(op) == *digest)
        {
            assert_eq!(app.metadata.get(digest), Some(metadata), "{}", source.name);
        }
    }
    true
}
