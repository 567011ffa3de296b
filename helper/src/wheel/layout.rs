//! An entry to where it goes.
//!
//! Takes the name of an entry; gives its place, as the format of wheels has it. Knows nothing of paths in an image.

use crate::wheel::messages::{self, Flaw};
use crate::wheel::name::Name;

/// Where a file goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Into the `site-packages` that WHEEL names.
    Root,
    /// Into the `site-packages` of what is Python alone.
    Purelib,
    /// Into the `site-packages` of what is compiled.
    Platlib,
    /// Into the folder of scripts.
    Scripts,
    /// Below the prefix.
    Data,
    /// Into the distribution's folder of headers.
    Headers,
    /// Nowhere: what an installer writes itself.
    Nowhere,
}

/// The two folders that a wheel has its own things in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Folders {
    /// `numpy-2.1.3.dist-info`
    pub(super) dist_info: String,
}

/// What an installer writes; a wheel that brings it says what is not so.
const WRITTEN: &[&str] = &["RECORD", "INSTALLER", "REQUESTED", "direct_url.json"];
/// What RECORD cannot have a hash of.
const SIGNED: &[&str] = &["RECORD", "RECORD.jws", "RECORD.p7s"];

impl Folders {
    /// Finds the folders among the names of a wheel's files.
    pub(super) fn find<'a>(
        names: impl Iterator<Item = &'a str>,
        wheel: &Name,
    ) -> Result<Self, Flaw> {
        let mut found: Option<&str> = None;
        let mut data: Option<&str> = None;
        for (top, _) in names.filter_map(|name| name.split_once('/')) {
            if top.ends_with(".dist-info") {
                match found {
                    Some(other) if other != top => {
                        return Err(messages::two_dist_infos(other, top));
                    }
                    _ => found = Some(top),
                }
            } else if top.ends_with(".data") {
                match data {
                    Some(other) if other != top => {
                        return Err(messages::two_dist_infos(other, top));
                    }
                    _ => data = Some(top),
                }
            }
        }
        let dist_info = found.ok_or_else(messages::no_dist_info)?;
        for (folder, end) in [(Some(dist_info), ".dist-info"), (data, ".data")] {
            let stem = folder.and_then(|folder| folder.strip_suffix(end));
            if let (Some(folder), Some(stem)) = (folder, stem)
                && !wheel.fits(stem)
            {
                return Err(messages::other_folder(folder));
            }
        }
        Ok(Self {
            dist_info: dist_info.to_owned(),
        })
    }

    /// A file of the wheel's metadata.
    pub(super) fn metadata(&self, file: &str) -> String {
        format!("{}/{file}", self.dist_info)
    }

    /// Whether RECORD may list a file without a hash, or not list it.
    pub(super) fn is_unlisted(&self, name: &str) -> bool {
        self.own(name).is_some_and(|file| SIGNED.contains(&file))
    }

    /// Where a file goes, and its path there.
    pub(super) fn place<'a>(&self, name: &'a str) -> Result<(Place, &'a str), Flaw> {
        if self.own(name).is_some_and(|file| WRITTEN.contains(&file)) {
            return Ok((Place::Nowhere, name));
        }
        let Some((_, below)) = name
            .split_once('/')
            .filter(|(top, _)| top.ends_with(".data"))
        else {
            return Ok((Place::Root, name));
        };
        let (key, path) = below
            .split_once('/')
            .ok_or_else(|| messages::unknown_data(name))?;
        let place = match key {
            "purelib" => Place::Purelib,
            "platlib" => Place::Platlib,
            "scripts" => Place::Scripts,
            "data" => Place::Data,
            "headers" => Place::Headers,
            _ => return Err(messages::unknown_data(name)),
        };
        Ok((place, path))
    }

    fn own<'a>(&self, name: &'a str) -> Option<&'a str> {
        name.strip_prefix(&self.dist_info)?.strip_prefix('/')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_has_a_place() {
        let wheel = Name::read("A_b-1.0-py3-none-any.whl").expect("a name");
        let names = [
            "a/b.py",
            "a_b-1.0.dist-info/METADATA",
            "A.b-1.data/data/x",
            "top.data",
        ];
        let folders = Folders::find(names.into_iter(), &wheel).expect("folders");
        for (name, place, path) in [
            ("a/b.py", Place::Root, "a/b.py"),
            ("top.data", Place::Root, "top.data"),
            (
                "a_b-1.0.dist-info/METADATA",
                Place::Root,
                "a_b-1.0.dist-info/METADATA",
            ),
            (
                "a_b-1.0.dist-info/RECORD.jws",
                Place::Root,
                "a_b-1.0.dist-info/RECORD.jws",
            ),
            (
                "a_b-1.0.dist-info/REQUESTED",
                Place::Nowhere,
                "a_b-1.0.dist-info/REQUESTED",
            ),
            (
                "a_b-1.0.dist-info/x/RECORD",
                Place::Root,
                "a_b-1.0.dist-info/x/RECORD",
            ),
            ("A.b-1.data/data/etc/x", Place::Data, "etc/x"),
            ("A.b-1.data/headers/x.h", Place::Headers, "x.h"),
            ("A.b-1.data/platlib/x", Place::Platlib, "x"),
            ("A.b-1.data/purelib/x", Place::Purelib, "x"),
            ("A.b-1.data/scripts/x", Place::Scripts, "x"),
        ] {
            assert_eq!(folders.place(name), Ok((place, path)), "{name}");
        }
        for name in ["A.b-1.data/other/x", "A.b-1.data/x"] {
            assert_eq!(folders.place(name), Err(messages::unknown_data(name)));
        }
        for (names, flaw) in [
            (&["a/b.py"] as &[_], messages::no_dist_info()),
            (
                &["b-1.0.dist-info/x"],
                messages::other_folder("b-1.0.dist-info"),
            ),
            (
                &["a_b-2.dist-info/x"],
                messages::other_folder("a_b-2.dist-info"),
            ),
            (
                &["a_b-1.dist-info/x", "a_b-1.0.dist-info/x"],
                messages::two_dist_infos("a_b-1.dist-info", "a_b-1.0.dist-info"),
            ),
            (
                &["a_b-1.dist-info/x", "b-1.data/data/x"],
                messages::other_folder("b-1.data"),
            ),
        ] {
            assert_eq!(Folders::find(names.iter().copied(), &wheel), Err(flaw));
        }
    }
}
