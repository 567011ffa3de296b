//! A base image is for the platform that it was asked for.

use crate::{
    golang,
    lint::{Moment, Rule},
    reference::platform::Platform,
};

pub(in crate::lint) const RULE: Rule = Rule {
    name: "InvalidBaseImagePlatform",
    description: "Base image platform does not match expected target platform",
    url: None,
    is_experimental: false,
    documentation: include_str!("invalid_base_image_platform.md"),
    check,
};

fn check(moment: &Moment<'_>) -> Option<String> {
    let Moment::BaseImage(image) = moment else {
        return None;
    };
    let (wanted, found) = (&image.wanted, &image.found);
    if wanted.os == found.os && wanted.architecture == found.architecture {
        return None;
    }
    let shown = |platform: &Platform| golang::quote(&platform.clone().normalize().format_all());
    Some(format!(
        "Base image {} was pulled with platform {}, expected {} for current build",
        image.name,
        shown(found),
        shown(wanted)
    ))
}
