//! Wheels to `site-packages`: what is the same in every image.
//!
//! Takes wheels, and where `site-packages` is; writes what of them goes there, with INSTALLER and a RECORD of just these files.
//! Knows nothing of the image, and writes nothing that depends on it beside the places.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::wheel::layout::Place;
use crate::wheel::messages;
use crate::wheel::parallel;
use crate::wheel::path_of;
use crate::wheel::paths::{self, Conflict};
use crate::wheel::read::{Wheel, WheelFile};
use crate::wheel::record::{self, Row, Rows};
use crate::wheel::request::Unpack;
use crate::wheel::tree::{self, Attributes, Folders, Tree};

/// What INSTALLER says.
const INSTALLER: &[u8] = b"fal-frontend\n";

/// Where the two `site-packages` are.
pub(super) struct Site<'a> {
    pub(super) purelib: &'a Path,
    pub(super) platlib: &'a Path,
}

/// Unpacks wheels into `out`, which is empty. Gives what there is to say.
pub fn unpack(wheels: &Path, out: &Path, request: &Unpack) -> Result<Vec<String>, Failure> {
    let files: Vec<_> = request.wheels.iter().enumerate().collect();
    let wheels = parallel::map(&files, |(number, file)| {
        Wheel::open(&path_of(wheels, *number, file), file)
    })?;
    let site = Site {
        purelib: Path::new(&request.purelib),
        platlib: Path::new(&request.platlib),
    };
    let plan = Plan::of(&wheels, &site)?;

    let parents: BTreeMap<&Path, Attributes> = request
        .parents
        .iter()
        .map(|parent| {
            let owner = Some((parent.uid, parent.gid));
            let mode = parent.mode;
            (Path::new(&parent.path), Attributes { mode, owner })
        })
        .collect();
    let mut folders = Folders::new();
    for path in plan.files.keys() {
        tree::add_above(&mut folders, path, |folder| {
            parents.get(folder).copied().unwrap_or(tree::PLAIN)
        });
    }
    let tree = Tree::new(out);
    tree.make(&folders)?;
    write(&tree, &plan)?;
    tree.seal(&folders)?;
    Ok(plan.notes)
}

/// What is written, and by whom.
struct Plan<'a> {
    files: BTreeMap<PathBuf, (&'a Wheel, Content<'a>)>,
    notes: Vec<String>,
}

/// What a file holds.
enum Content<'a> {
    /// A file of the wheel.
    Packed(&'a WheelFile),
    /// What is made here.
    Made(Vec<u8>),
}

impl Content<'_> {
    fn size(&self) -> u64 {
        match self {
            Self::Packed(file) => file.size(),
            Self::Made(bytes) => bytes.len() as u64,
        }
    }
}

impl<'a> Plan<'a> {
    fn of(wheels: &'a [Wheel], site: &Site<'_>) -> Result<Self, Failure> {
        let mut plan = Self {
            files: BTreeMap::new(),
            notes: Vec::new(),
        };
        for wheel in wheels {
            plan.add(wheel, site)?;
        }
        let paths = plan.files.keys().map(|path| (path.as_path(), false));
        if let Some(Conflict::Below(at) | Conflict::Twice(at)) = paths::conflict(paths)
            && let Some((path, (wheel, _))) = plan.files.iter().nth(at.saturating_sub(1))
        {
            let flaw = messages::over_a_folder(path);
            return Err(messages::refused(&wheel.file, &flaw));
        }
        Ok(plan)
    }

    fn add(&mut self, wheel: &'a Wheel, site: &Site<'_>) -> Result<(), Failure> {
        for file in &wheel.files {
            if let Some(path) = place(wheel, file, site) {
                self.put(path, wheel, Content::Packed(file))?;
            }
        }
        let own = |file: &str| site.root(wheel).join(wheel.folders.metadata(file));
        let record = record::write(&rows(wheel, site));
        self.put(own("INSTALLER"), wheel, Content::Made(INSTALLER.to_vec()))?;
        self.put(own("RECORD"), wheel, Content::Made(record))
    }

    /// A later wheel wins over an earlier; in one wheel nothing is there twice.
    fn put(
        &mut self,
        path: PathBuf,
        wheel: &'a Wheel,
        content: Content<'a>,
    ) -> Result<(), Failure> {
        let Some((other, _)) = self.files.insert(path.clone(), (wheel, content)) else {
            return Ok(());
        };
        if std::ptr::eq(other, wheel) {
            let flaw = messages::duplicate(&path.to_string_lossy());
            return Err(messages::refused(&wheel.file, &flaw));
        }
        self.notes
            .push(messages::kept(&path, &other.file, &wheel.file));
        Ok(())
    }
}

impl<'a> Site<'a> {
    /// The folder that the metadata of a wheel is in.
    pub(super) fn root(&self, wheel: &Wheel) -> &'a Path {
        match wheel.is_purelib {
            true => self.purelib,
            false => self.platlib,
        }
    }
}

/// Where a file of a wheel is written, if it is in this layer.
pub(super) fn place(wheel: &Wheel, file: &WheelFile, site: &Site<'_>) -> Option<PathBuf> {
    let folder = match file.place {
        Place::Root => site.root(wheel),
        Place::Purelib => site.purelib,
        Place::Platlib => site.platlib,
        Place::Scripts | Place::Data | Place::Headers | Place::Nowhere => return None,
    };
    Some(folder.join(&file.path))
}

/// What RECORD lists of this layer. Its paths begin in the folder that RECORD's own is in.
pub(super) fn rows(wheel: &Wheel, site: &Site<'_>) -> Rows {
    let root = site.root(wheel);
    let files = wheel.files.iter().filter_map(|file| {
        let path = place(wheel, file, site)?;
        Some((relative(&path, root), file.row.clone()))
    });
    let own = [
        ("INSTALLER", Row::of(INSTALLER)),
        ("RECORD", Row::default()),
    ];
    let own = own.map(|(file, row)| (wheel.folders.metadata(file), row));
    files.chain(own).collect()
}

/// A path as RECORD writes it: from a folder, over `..` if need be.
pub(super) fn relative(path: &Path, folder: &Path) -> String {
    let shared = path
        .components()
        .zip(folder.components())
        .take_while(|(one, other)| one == other)
        .count();
    let up = folder.components().skip(shared).map(|_| "..".into());
    let down = path.components().skip(shared);
    let parts: Vec<_> = up
        .chain(down.map(|part| part.as_os_str().to_string_lossy()))
        .collect();
    parts.join("/")
}

/// Writes all files, the large ones first.
fn write(tree: &Tree<'_>, plan: &Plan<'_>) -> Result<(), Failure> {
    let mut files: Vec<_> = plan.files.iter().collect();
    files.sort_by_key(|(_, (_, content))| std::cmp::Reverse(content.size()));
    parallel::map(&files, |(path, (wheel, content))| match content {
        Content::Packed(file) => {
            tree.file(path, file.is_executable(), |take| wheel.unpack(file, take))
        }
        Content::Made(bytes) => tree.file(path, false, |take| take(bytes)),
    })?;
    Ok(())
}
