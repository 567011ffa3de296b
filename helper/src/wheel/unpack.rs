//! Wheels to `site-packages`: what is the same in every image.
//!
//! Takes wheels, and where `site-packages` is; writes what of them goes there, with INSTALLER and a RECORD of just these files.
//! Knows nothing of the image, and writes nothing that depends on it beside the places.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::wheel::find;
use crate::wheel::layout::Place;
use crate::wheel::messages;
use crate::wheel::parallel;
use crate::wheel::paths::{self, Conflict};
use crate::wheel::read::{Wheel, WheelFile};
use crate::wheel::record::{self, Row, Rows};
use crate::wheel::request::{Parent, Unpack};
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
        let (path, file) = find(wheels, *number, file)?;
        Wheel::open(&path, &file)
    })?;
    let site = Site {
        purelib: Path::new(&request.purelib),
        platlib: Path::new(&request.platlib),
    };
    let plan = Plan::of(&wheels, &site)?;

    let parents = parents(&request.parents);
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

/// The folders that are as the image has them.
pub(super) fn parents(parents: &[Parent]) -> BTreeMap<&Path, Attributes> {
    let attributes = |parent: &Parent| Attributes {
        mode: parent.mode,
        owner: Some((parent.uid, parent.gid)),
    };
    let parents = parents.iter();
    parents
        .map(|parent| (Path::new(&parent.path), attributes(parent)))
        .collect()
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

impl<'a> Content<'a> {
    /// What tells whether two are the same.
    fn hash(&self) -> Option<&'a str> {
        match self {
            Self::Packed(file) => file.hash(),
            Self::Made(_) => None,
        }
    }

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
        let hash = content.hash();
        let Some((other, lost)) = self.files.insert(path.clone(), (wheel, content)) else {
            return Ok(());
        };
        if std::ptr::eq(other, wheel) {
            let flaw = messages::duplicate(&path.to_string_lossy());
            return Err(messages::refused(&wheel.file, &flaw));
        }
        if hash.is_none() || lost.hash() != hash {
            let note = messages::kept(&path, &other.file, &wheel.file);
            self.notes.push(note);
        }
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

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::{Cursor, Write};
    use std::os::unix::fs::MetadataExt;

    use zip::write::SimpleFileOptions;
    use zip::{CompressionMethod, ZipWriter};

    use super::*;
    use crate::wheel::craft::{Craft, Item};
    use crate::wheel::request::VERSION;
    use crate::wheel::written::{self, Written, text, tree};

    const PURELIB: &str = "/usr/lib/site";
    const PLATLIB: &str = "/usr/lib64/site";

    fn request(crafts: &[Craft]) -> Unpack {
        Unpack {
            version: VERSION,
            wheels: crafts.iter().map(|craft| craft.file.clone()).collect(),
            purelib: PURELIB.to_owned(),
            platlib: PLATLIB.to_owned(),
            parents: Vec::new(),
        }
    }

    fn unpacked(crafts: &[Craft], request: &Unpack) -> (Written, Vec<String>) {
        let top = tempfile::tempdir().expect("a scratch folder");
        for (number, craft) in crafts.iter().enumerate() {
            written::put(top.path(), number, &craft.file, &craft.bytes());
        }
        let out = top.path().join("out");
        fs::create_dir(&out).expect("a folder");
        let notes = unpack(top.path(), &out, request).expect("unpacks");
        (tree(&out), notes)
    }

    #[test]
    fn what_goes_to_site_packages_is_there_and_nothing_else() {
        let info = "demo-1.0.dist-info";
        let craft = Craft::new("demo")
            .item(Item::new("demo/", "").mode(0o040_700))
            .file("demo/__init__.py", "")
            .item(Item::new("demo/tool", "x").mode(0o100_711))
            .item(Item::new("demo/bits", "x").mode(0o755))
            .item(Item::new("empty/", "").mode(0o040_755))
            .item(Item::new("caf\u{e9}, \"x\".txt", "").utf8())
            .file("demo-1.0.data/purelib/pure.py", "")
            .file("demo-1.0.data/platlib/plat.so", "")
            .file("demo-1.0.data/scripts/tool", "#!python\n")
            .file("demo-1.0.data/data/share/x", "")
            .file("demo-1.0.data/headers/x.h", "")
            .file(
                &format!("{info}/entry_points.txt"),
                "[console_scripts]\na = b:c\n",
            )
            .file(&format!("{info}/REQUESTED"), "")
            .file(&format!("{info}/direct_url.json"), "{}")
            .file(&format!("{info}/INSTALLER"), "somebody")
            .file(&format!("{info}/RECORD.jws"), "signed");
        let craft = craft.record(|rows| {
            let unsigned = |line: &&str| !line.contains("RECORD.jws");
            let lines: Vec<&str> = rows.lines().filter(unsigned).collect();
            lines.join("\r\n")
        });
        let mut request = request(std::slice::from_ref(&craft));
        let owner = fs::metadata("/proc/self").expect("this process");
        request.parents = vec![Parent {
            path: "/usr/lib".to_owned(),
            mode: 0o1775,
            uid: owner.uid(),
            gid: owner.gid(),
        }];
        let (tree, notes) = unpacked(&[craft], &request);
        assert_eq!(notes, [] as [&str; 0]);
        assert!(tree.values().all(|(_, time, _)| *time == 315_532_800));
        let told: Vec<String> = tree
            .iter()
            .map(|(path, (mode, _, _))| format!("{mode:o} {path}"))
            .collect();
        let expected = "\
40755 usr
41775 usr/lib
40755 usr/lib/site
100644 usr/lib/site/caf\u{e9}, \"x\".txt
40755 usr/lib/site/demo
40755 usr/lib/site/demo-1.0.dist-info
100644 usr/lib/site/demo-1.0.dist-info/INSTALLER
100644 usr/lib/site/demo-1.0.dist-info/METADATA
100644 usr/lib/site/demo-1.0.dist-info/RECORD
100644 usr/lib/site/demo-1.0.dist-info/RECORD.jws
100644 usr/lib/site/demo-1.0.dist-info/WHEEL
100644 usr/lib/site/demo-1.0.dist-info/entry_points.txt
100644 usr/lib/site/demo/__init__.py
100755 usr/lib/site/demo/bits
100755 usr/lib/site/demo/tool
100644 usr/lib/site/pure.py
40755 usr/lib64
40755 usr/lib64/site
100644 usr/lib64/site/plat.so";
        assert_eq!(told, expected.lines().collect::<Vec<_>>());
        let record = text(&tree, "usr/lib/site/demo-1.0.dist-info/RECORD");
        let paths: Vec<&str> = record
            .lines()
            .map(|line| line.rsplitn(3, ',').last().unwrap_or_default())
            .collect();
        let expected = "\
\"caf\u{e9}, \"\"x\"\".txt\"
../../lib64/site/plat.so
demo-1.0.dist-info/INSTALLER
demo-1.0.dist-info/METADATA
demo-1.0.dist-info/RECORD
demo-1.0.dist-info/RECORD.jws
demo-1.0.dist-info/WHEEL
demo-1.0.dist-info/entry_points.txt
demo/__init__.py
demo/bits
demo/tool
pure.py";
        let mut expected: Vec<&str> = expected.lines().collect();
        expected.rotate_left(1);
        expected[..].sort_by_key(|path| path.trim_matches('"'));
        assert_eq!(paths, expected);
        assert!(record.contains("demo-1.0.dist-info/RECORD,,\n"));
        assert!(record.contains("demo-1.0.dist-info/RECORD.jws,,\n"));
        assert!(record.contains("INSTALLER,sha256="));
    }

    #[test]
    fn the_same_wheels_are_the_same_tree_and_a_later_one_wins() {
        let platform = |craft: Craft| {
            let wheel = "Wheel-Version: 1.0\r\nRoot-Is-Purelib: false\r\n";
            craft.edit("two-1.0.dist-info/WHEEL", |item| item.bytes = wheel.into())
        };
        let one = Craft::new("one")
            .file("shared/a.py", "1")
            .file("large", vec![7; 5 << 20])
            .file("shared/b.py", "same");
        let two = platform(Craft::new("two"))
            .file("two-1.0.data/purelib/shared/a.py", "2")
            .file("two-1.0.data/purelib/shared/b.py", "same");
        for (crafts, winner) in [
            ([one.clone(), two.clone()], "2"),
            ([two.clone(), one.clone()], "1"),
        ] {
            let request = request(&crafts);
            let (first, notes) = unpacked(&crafts, &request);
            assert_eq!(unpacked(&crafts, &request), (first.clone(), notes.clone()));
            assert_eq!(text(&first, "usr/lib/site/shared/a.py"), winner);
            let files = [&crafts[0].file, &crafts[1].file];
            let told = format!(
                "/usr/lib/site/shared/a.py is in {} and in {}, and the latter is taken",
                files[0], files[1]
            );
            assert_eq!(notes, [told]);
            let record = text(&first, "usr/lib64/site/two-1.0.dist-info/RECORD");
            assert!(
                record.contains("../../lib/site/shared/a.py,sha256="),
                "{record}"
            );
        }
        let below = Craft::new("two").file("large/x", "");
        let crafts = [one, below];
        let top = tempfile::tempdir().expect("a scratch folder");
        for (number, craft) in crafts.iter().enumerate() {
            written::put(top.path(), number, &craft.file, &craft.bytes());
        }
        let failure = unpack(top.path(), top.path(), &request(&crafts)).expect_err("a refusal");
        assert_eq!(
            failure.sentence,
            "the wheel one-1.0-py3-none-any.whl is refused: it has a file /usr/lib/site/large, where a folder is"
        );
    }

    #[test]
    fn archives_are_read_however_they_were_written() {
        let craft = Craft::new("demo").file("a.py", "x = 1\n".repeat(1000));
        let (expected, _) = unpacked(
            std::slice::from_ref(&craft),
            &request(std::slice::from_ref(&craft)),
        );
        let deflated = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .unix_permissions(0o644);
        for options in [deflated, deflated.large_file(true)] {
            for streamed in [false, true] {
                let bytes = match streamed {
                    false => {
                        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
                        for item in craft.all() {
                            let name = String::from_utf8(item.name).expect("UTF-8");
                            writer.start_file(name, options).expect("a file");
                            writer.write_all(&item.bytes).expect("bytes");
                        }
                        writer.finish().expect("an archive").into_inner()
                    }
                    true => {
                        // With the sizes behind the data.
                        let mut writer = ZipWriter::new_stream(Vec::new());
                        for item in craft.all() {
                            let name = String::from_utf8(item.name).expect("UTF-8");
                            writer.start_file(name, options).expect("a file");
                            writer.write_all(&item.bytes).expect("bytes");
                        }
                        writer.finish().expect("an archive").into_inner()
                    }
                };
                let top = tempfile::tempdir().expect("a scratch folder");
                written::put(top.path(), 0, &craft.file, &bytes);
                let out = top.path().join("out");
                fs::create_dir(&out).expect("a folder");
                let request = request(std::slice::from_ref(&craft));
                unpack(top.path(), &out, &request).expect("unpacks");
                assert_eq!(tree(&out), expected, "{streamed}");
            }
        }
    }

    #[test]
    fn paths_of_record_begin_in_its_folder() {
        for (path, told) in [
            ("/usr/lib/site/a/b", "a/b"),
            ("/usr/bin/x", "../../bin/x"),
            ("/x", "../../../x"),
            ("/usr/lib/sitex/a", "../sitex/a"),
        ] {
            assert_eq!(relative(Path::new(path), Path::new(PURELIB)), told);
        }
    }
}
