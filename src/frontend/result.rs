//! What a build gives back: a file system for each platform, and what the exporters must know of it.

use std::collections::BTreeMap;

use crate::{
    fal,
    gateway::{Attestation, Ref, Refs, SolveResult},
    golang::{Timestamp, json},
    reference::platform::Platform,
    subrequest::Answer,
};

/// One platform, built.
pub(super) struct Built {
    pub(super) reference: Option<Ref>,
    /// The image config, JSON.
    pub(super) image: Vec<u8>,
    /// The base image's config, JSON.
    pub(super) base_image: Option<Vec<u8>>,
    /// `SOURCE_DATE_EPOCH`.
    pub(super) epoch: Option<Timestamp>,
    pub(super) platform: ExportPlatform,
    /// What is in the file system.
    pub(super) sbom: Option<Attestation>,
    /// What was found and done for fal.
    pub(super) report: Option<fal_helper::report::Report>,
    /// What it is called, `fal.key`.
    pub(super) key: Option<String>,
    /// The wheels that are layers of it, as `pylock.toml`.
    pub(super) lock: Option<String>,
}

/// A platform as the exporters list it.
#[derive(Debug, Clone, serde::Serialize)]
pub(super) struct ExportPlatform {
    #[serde(rename = "ID")]
    pub(super) id: String,
    #[serde(rename = "Platform")]
    platform: Platform,
}

/// `refs.platforms`.
#[derive(serde::Serialize)]
struct ExportPlatforms {
    #[serde(rename = "Platforms")]
    platforms: Vec<ExportPlatform>,
}

/// The platform under which a file system is exported. Windows takes what was not asked for from its base image.
pub(super) fn export_platform(wanted: Platform, image: &Platform) -> ExportPlatform {
    let mut platform = wanted.normalize();
    let id = platform.format_all();
    if platform.os == "windows" && image.os == platform.os {
        if platform.os_version.is_empty() {
            platform.os_version = image.os_version.clone();
        }
        if platform.os_features.is_empty() {
            platform.os_features = image.os_features.clone();
        }
    }
    ExportPlatform {
        id,
        platform: platform.normalize(),
    }
}

/// The answer to a subrequest.
pub(super) fn of_answer(answer: Answer) -> SolveResult {
    let texts = answer.metadata.into_iter();
    SolveResult {
        metadata: texts
            .map(|(name, text)| (name.to_owned(), text.into()))
            .collect(),
        ..SolveResult::default()
    }
}

/// The result of all platforms.
pub(super) fn of(built: Vec<Built>, is_multi_platform: bool) -> SolveResult {
    let mut metadata: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let mut references = BTreeMap::new();
    let mut attestations = BTreeMap::new();
    let mut single = None;
    let mut platforms = Vec::with_capacity(built.len());
    let mut messages = Vec::new();
    for one in built {
        let key = |name: &str| match is_multi_platform {
            true => format!("{name}/{}", one.platform.id),
            false => name.to_owned(),
        };
        metadata.insert(key("containerimage.config"), one.image);
        if let Some(base) = one.base_image {
            metadata.insert(key("containerimage.base.config"), base);
        }
        if let Some(epoch) = one.epoch {
            let seconds = epoch.unix().to_string();
            metadata.insert(key("source.date.epoch"), seconds.into_bytes());
        }
        if let Some(sbom) = one.sbom {
            attestations.insert(one.platform.id.clone(), vec![sbom]);
        }
        if let Some(report) = one.report {
            metadata.insert(
                key("frontend.fal.report"),
                json::to_string(&report).into_bytes(),
            );
            messages.push(report.summary());
        }
        if let Some(lock) = one.lock {
            metadata.insert(key("frontend.fal.lock"), lock.into_bytes());
        }
        if let Some(fal_key) = one.key {
            // As exporters read it: an annotation of the manifest.
            let kind = match is_multi_platform {
                true => format!("annotation-manifest[{}]", one.platform.id),
                false => "annotation".to_owned(),
            };
            metadata.insert(
                format!("{kind}.{}", fal::key::LABEL),
                fal_key.clone().into_bytes(),
            );
            metadata.insert(key("frontend.fal.key"), fal_key.into_bytes());
        }
        match is_multi_platform {
            true => {
                references.insert(one.platform.id.clone(), one.reference);
            }
            false => single = one.reference,
        }
        platforms.push(one.platform);
    }
    metadata.insert(
        "refs.platforms".to_owned(),
        json::to_string(&ExportPlatforms { platforms }).into_bytes(),
    );
    if !messages.is_empty() {
        // buildx prints this after the build.
        metadata.insert(
            "frontend.result.inlinemessage".to_owned(),
            messages.join("\n").into_bytes(),
        );
    }
    let refs = match is_multi_platform {
        true => Refs::ByPlatform(references),
        false => Refs::One(single),
    };
    let metadata = metadata
        .into_iter()
        .map(|(key, value)| (key, value.into()))
        .collect();
    SolveResult {
        refs,
        metadata,
        attestations,
    }
}
