//! Wheels and an image to what an interpreter's path decides: scripts, data, headers, and what tells of them.
//!
//! Takes wheels that are unpacked already, and the image that has them; writes what else belongs to them, and of each wheel of which
//! something is written its whole RECORD; and the names of the interpreter that are absent. Folders are written where the image really has
//! them, with its modes and owners: no link of the image's becomes a folder. Starts nothing of the image.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::report::Link;
use crate::root::Root;
use crate::wheel::entry_points::{Call, Scripts};
use crate::wheel::find;
use crate::wheel::ground::Ground;
use crate::wheel::launcher;
use crate::wheel::layout::Place;
use crate::wheel::messages;
use crate::wheel::parallel;
use crate::wheel::paths::{self, Conflict};
use crate::wheel::read::{Wheel, WheelFile};
use crate::wheel::record::{self, Row};
use crate::wheel::request::{Finish, Installed};
use crate::wheel::script::Script;
use crate::wheel::tree::{self, Folders, Take, Tree};
use crate::wheel::unpack::{self, Site};

/// Writes into `out`, which is empty, what else belongs to wheels. Gives what there is to say.
pub fn finish(
    wheels: &Path,
    image: &Root,
    out: &Path,
    request: &Finish,
) -> Result<Vec<String>, Failure> {
    let files: Vec<_> = request.wheels.iter().enumerate().collect();
    let wheels = parallel::map(&files, |(number, wheel)| {
        let (path, file) = find(wheels, *number, &wheel.file)?;
        Wheel::open(&path, &file)
    })?;
    let mut plan = Plan::new(image);
    for (wheel, installed) in wheels.iter().zip(&request.wheels) {
        plan.add(wheel, installed, request)?;
    }
    plan.link(&request.links)?;
    let folders = plan.folders()?;

    let tree = Tree::new(out);
    tree.make(&folders)?;
    let rows = plan.write(&tree, &request.interpreter)?;
    plan.write_records(&tree, &rows, &site(request))?;
    let mut links = plan.links.iter();
    links.try_for_each(|(path, target)| tree.link(path, target))?;
    tree.seal(&folders)?;
    Ok(plan.notes)
}

fn site(request: &Finish) -> Site<'_> {
    Site {
        purelib: Path::new(&request.purelib),
        platlib: Path::new(&request.platlib),
    }
}

/// Something that is written.
struct Item<'a> {
    wheel: &'a Wheel,
    /// As the request has it: what RECORD tells.
    told: PathBuf,
    /// Where the image has it.
    path: PathBuf,
    content: Content<'a>,
}

enum Content<'a> {
    /// The script of an entry point.
    Launcher(&'a Call),
    /// A script of the wheel.
    Script(&'a WheelFile),
    /// A file of the wheel.
    Plain(&'a WheelFile),
    /// What is made here.
    Made(Vec<u8>),
    /// What lists all of them.
    Record,
}

impl<'a> Content<'a> {
    /// What tells whether two are the same.
    fn hash(&self) -> Option<&'a str> {
        match self {
            Self::Script(file) | Self::Plain(file) => file.hash(),
            Self::Launcher(_) | Self::Made(_) | Self::Record => None,
        }
    }
}

struct Plan<'a> {
    ground: Ground<'a>,
    items: Vec<Item<'a>>,
    /// Which item is written to a path.
    winners: BTreeMap<PathBuf, usize>,
    /// What links hold, by where they are written.
    links: BTreeMap<PathBuf, &'a Path>,
    notes: Vec<String>,
}

impl<'a> Plan<'a> {
    fn new(image: &'a Root) -> Self {
        Self {
            ground: Ground::new(image),
            items: Vec::new(),
            winners: BTreeMap::new(),
            links: BTreeMap::new(),
            notes: Vec::new(),
        }
    }

    /// Adds links, but for names that a wheel has.
    fn link(&mut self, links: &'a [Link]) -> Result<(), Failure> {
        for link in links {
            let path = self.ground.file(&link.path)?;
            let path = path.map_err(|flaw| messages::not_linked(&link.path, &flaw))?;
            if !self.winners.contains_key(&path) {
                self.links.insert(path, &link.target);
            }
        }
        Ok(())
    }

    /// Adds what is written for a wheel; its RECORD is the last, and only there if anything is.
    fn add(
        &mut self,
        wheel: &'a Wheel,
        installed: &Installed,
        request: &Finish,
    ) -> Result<(), Failure> {
        let before = self.items.len();
        for file in &wheel.files {
            let (folder, content) = match file.place {
                Place::Scripts if is_wrapper(&file.path, &wheel.scripts) => continue,
                Place::Scripts => (PathBuf::from(&request.scripts), Content::Script(file)),
                Place::Data => (PathBuf::from(&request.data), Content::Plain(file)),
                Place::Headers => (
                    Path::new(&request.headers).join(&wheel.name),
                    Content::Plain(file),
                ),
                Place::Root | Place::Purelib | Place::Platlib | Place::Nowhere => continue,
            };
            self.put(wheel, folder.join(&file.path), content)?;
        }
        for (name, call) in &wheel.scripts {
            let path = Path::new(&request.scripts).join(name);
            self.put(wheel, path, Content::Launcher(call))?;
        }
        let root = site(request).root(wheel);
        let own = |file: &str| root.join(wheel.folders.metadata(file));
        if installed.requested {
            self.put(wheel, own("REQUESTED"), Content::Made(Vec::new()))?;
        }
        if let Some(url) = &installed.direct_url {
            let text = url.to_string().into_bytes();
            self.put(wheel, own("direct_url.json"), Content::Made(text))?;
        }
        match self.items.len() == before {
            true => Ok(()),
            false => self.put(wheel, own("RECORD"), Content::Record),
        }
    }

    /// A later wheel wins over an earlier; in one wheel nothing is there twice.
    fn put(
        &mut self,
        wheel: &'a Wheel,
        told: PathBuf,
        content: Content<'a>,
    ) -> Result<(), Failure> {
        let refused = |flaw| messages::refused(&wheel.file, &flaw);
        let path = self.ground.file(&told)?.map_err(refused)?;
        if let Some(other) = self.winners.insert(path.clone(), self.items.len()) {
            let lost = &self.items[other];
            if std::ptr::eq(lost.wheel, wheel) {
                return Err(refused(messages::duplicate(&path.to_string_lossy())));
            }
            if content.hash().is_none() || lost.content.hash() != content.hash() {
                self.notes
                    .push(messages::kept(&path, &lost.wheel.file, &wheel.file));
            }
        }
        self.items.push(Item {
            wheel,
            told,
            path,
            content,
        });
        Ok(())
    }

    /// The folders of all that is written.
    fn folders(&self) -> Result<Folders, Failure> {
        let paths = self.winners.keys().map(|path| (path.as_path(), false));
        if let Some(Conflict::Below(at) | Conflict::Twice(at)) = paths::conflict(paths)
            && let Some((path, item)) = self.winners.iter().nth(at.saturating_sub(1))
        {
            let flaw = messages::over_a_folder(path);
            return Err(messages::refused(&self.items[*item].wheel.file, &flaw));
        }
        let mut folders = Folders::new();
        for path in self.winners.keys().chain(self.links.keys()) {
            tree::add_above(&mut folders, path, |folder| self.ground.attributes(folder));
        }
        Ok(folders)
    }

    /// Writes everything but what lists it; gives the row of each item. What another wheel has won is only read.
    fn write(&self, tree: &Tree<'_>, interpreter: &str) -> Result<Vec<Row>, Failure> {
        let items: Vec<_> = self.items.iter().enumerate().collect();
        parallel::map(&items, |(number, item)| {
            if matches!(item.content, Content::Record) {
                return Ok(Row::default());
            }
            if self.winners.get(&item.path) != Some(number) {
                return item.write(interpreter, &mut |_| Ok(()));
            }
            tree.file(&item.path, item.is_executable(), |take| {
                item.write(interpreter, take)
            })
        })
    }

    fn write_records(&self, tree: &Tree<'_>, rows: &[Row], site: &Site<'_>) -> Result<(), Failure> {
        // The items of a wheel stand together, and end with its RECORD.
        let mut first = 0;
        for (number, item) in self.items.iter().enumerate() {
            if !matches!(item.content, Content::Record) {
                continue;
            }
            let mut all = unpack::rows(item.wheel, site);
            let root = site.root(item.wheel);
            for (other, row) in self.items[first..number].iter().zip(&rows[first..number]) {
                all.insert(unpack::relative(&other.told, root), row.clone());
            }
            first = number + 1;
            if self.winners.get(&item.path) == Some(&number) {
                let text = record::write(&all);
                tree.file(&item.path, false, |take| take(&text))?;
            }
        }
        Ok(())
    }
}

/// Whether a script is what old tools have put there for an entry point, which gets a script of its own, as with pip.
fn is_wrapper(path: &str, scripts: &Scripts) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let lower = name.to_ascii_lowercase();
    let end = [".exe", "-script.py", ".pya"]
        .into_iter()
        .find(|end| lower.ends_with(end));
    let stem = end.and_then(|end| name.get(..name.len() - end.len()));
    scripts.contains_key(stem.unwrap_or(name))
}

impl Item<'_> {
    fn is_executable(&self) -> bool {
        match self.content {
            Content::Launcher(_) | Content::Script(_) => true,
            Content::Plain(file) => file.is_executable(),
            Content::Made(_) | Content::Record => false,
        }
    }

    /// Gives its bytes to `take`, and its row.
    fn write(&self, interpreter: &str, take: Take<'_>) -> Result<Row, Failure> {
        let made = |bytes: &[u8]| Row::of(bytes);
        match &self.content {
            Content::Launcher(call) => {
                let text = launcher::script(interpreter, call);
                take(text.as_bytes()).map(|()| made(text.as_bytes()))
            }
            Content::Made(bytes) => take(bytes).map(|()| made(bytes)),
            Content::Record => Ok(Row::default()),
            Content::Plain(file) => self.wheel.unpack(file, take).map(|()| file.row.clone()),
            Content::Script(file) => {
                let mut script = Script::new(interpreter, take);
                self.wheel.unpack(file, &mut |chunk| script.put(chunk))?;
                Ok(script.row().unwrap_or_else(|| file.row.clone()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};

    use tempfile::TempDir;

    use super::*;
    use crate::wheel::craft::{Craft, Item};
    use crate::wheel::request::VERSION;
    use crate::wheel::written::{self, Written, text, tree};

    const INTERPRETER: &str = "/usr/local/bin/python3.11";

    /// An image whose `/usr/local/lib` and `/usr/local/bin` are links.
    struct Image {
        top: TempDir,
    }

    impl Image {
        fn new() -> Self {
            let top = tempfile::tempdir().expect("a scratch folder");
            let at = |name: &str| top.path().join("image").join(name);
            fs::create_dir_all(at("usr/lib/site")).expect("folders");
            fs::create_dir_all(at("usr/local/share")).expect("folders");
            fs::create_dir_all(at("opt/bin")).expect("folders");
            symlink("../lib", at("usr/local/lib")).expect("a link");
            symlink("/opt/bin", at("usr/local/bin")).expect("a link");
            symlink("/nowhere", at("usr/local/etc")).expect("a link");
            fs::set_permissions(at("opt/bin"), Permissions::from_mode(0o2775)).expect("a mode");
            Self { top }
        }

        fn finish(
            &self,
            crafts: &[(&Craft, bool)],
            change: impl FnOnce(&mut Finish),
        ) -> Result<(Written, Vec<String>), Failure> {
            let top = tempfile::tempdir().expect("a scratch folder");
            let mut wheels = Vec::new();
            for (number, (craft, requested)) in crafts.iter().enumerate() {
                written::put(top.path(), number, &craft.file, &craft.bytes());
                wheels.push(Installed {
                    file: craft.file.clone(),
                    requested: *requested,
                    direct_url: None,
                });
            }
            let mut request = Finish {
                version: VERSION,
                wheels,
                purelib: "/usr/local/lib/site".to_owned(),
                platlib: "/usr/local/lib/site".to_owned(),
                scripts: "/usr/local/bin".to_owned(),
                data: "/usr/local".to_owned(),
                headers: "/usr/local/include/python3.11".to_owned(),
                interpreter: INTERPRETER.to_owned(),
                links: Vec::new(),
            };
            change(&mut request);
            let out = top.path().join("out");
            fs::create_dir(&out).expect("a folder");
            let image = Root::new(self.top.path().join("image"));
            let notes = finish(top.path(), &image, &out, &request)?;
            Ok((tree(&out), notes))
        }
    }

    fn scripts(craft: Craft, name: &str, text: &str) -> Craft {
        let path = format!("{name}-1.0.dist-info/entry_points.txt");
        craft.file(&path, format!("[console_scripts]\n{text}\n"))
    }

    #[test]
    fn what_depends_on_the_image_is_written_where_the_image_has_it() {
        let craft = scripts(
            Craft::new("De_mo"),
            "De_mo",
            "run = demo.cli:App.main [x]\nold=a:b",
        )
        .file("demo.py", "")
        .file("De_mo-1.0.data/scripts/old-script.py", "#!python\nold")
        .file("De_mo-1.0.data/scripts/old", "#!python\nold")
        .file("De_mo-1.0.data/scripts/tool", "#!pythonw -E\r\nprint(1)\n")
        .item(Item::new("De_mo-1.0.data/scripts/sub/bare", "#!python"))
        .file("De_mo-1.0.data/scripts/program", b"\x7fELF#!python\n")
        .file("De_mo-1.0.data/data/share/x/y", "y")
        .item(Item::new("De_mo-1.0.data/data/share/x/z", "z").mode(0o100_755))
        .file("De_mo-1.0.data/headers/sub/x.h", "");
        let silent = Craft::new("silent").file("silent.py", "");
        let (tree, notes) = Image::new()
            .finish(&[(&craft, true), (&silent, false)], |request| {
                request.wheels[0].direct_url = Some(serde_json::json!({"url": "file:///x"}));
            })
            .expect("it is finished");
        assert_eq!(notes, [] as [&str; 0]);
        assert!(tree.values().all(|(_, time, _)| *time == 315_532_800));
        let told: Vec<String> = tree
            .iter()
            .map(|(path, (mode, _, _))| format!("{mode:o} {path}"))
            .collect();
        let expected = "\
40755 opt
42775 opt/bin
100755 opt/bin/old
100755 opt/bin/program
100755 opt/bin/run
40755 opt/bin/sub
100755 opt/bin/sub/bare
100755 opt/bin/tool
40755 usr
40755 usr/lib
40755 usr/lib/site
40755 usr/lib/site/De_mo-1.0.dist-info
100644 usr/lib/site/De_mo-1.0.dist-info/RECORD
100644 usr/lib/site/De_mo-1.0.dist-info/REQUESTED
100644 usr/lib/site/De_mo-1.0.dist-info/direct_url.json
40755 usr/local
40755 usr/local/include
40755 usr/local/include/python3.11
40755 usr/local/include/python3.11/de-mo
40755 usr/local/include/python3.11/de-mo/sub
100644 usr/local/include/python3.11/de-mo/sub/x.h
40755 usr/local/share
40755 usr/local/share/x
100644 usr/local/share/x/y
100755 usr/local/share/x/z";
        assert_eq!(told, expected.lines().collect::<Vec<_>>());

        let shebang = format!("#!{INTERPRETER}\n");
        assert_eq!(text(&tree, "opt/bin/tool"), format!("{shebang}print(1)\n"));
        assert_eq!(text(&tree, "opt/bin/sub/bare"), shebang);
        assert_eq!(text(&tree, "opt/bin/program"), "\x7fELF#!python\n");
        assert!(text(&tree, "opt/bin/old").contains("from a import b"));
        assert!(text(&tree, "opt/bin/run").contains("sys.exit(App.main())"));
        let info = "usr/lib/site/De_mo-1.0.dist-info";
        assert_eq!(
            text(&tree, &format!("{info}/direct_url.json")),
            r#"{"url":"file:///x"}"#
        );

        let record = text(&tree, &format!("{info}/RECORD"));
        let rows = record::read(record.as_bytes()).expect("rows");
        let paths: Vec<&str> = rows.keys().map(String::as_str).collect();
        let expected = "\
../../bin/old
../../bin/program
../../bin/run
../../bin/sub/bare
../../bin/tool
../../include/python3.11/de-mo/sub/x.h
../../share/x/y
../../share/x/z
De_mo-1.0.dist-info/INSTALLER
De_mo-1.0.dist-info/METADATA
De_mo-1.0.dist-info/RECORD
De_mo-1.0.dist-info/REQUESTED
De_mo-1.0.dist-info/WHEEL
De_mo-1.0.dist-info/direct_url.json
De_mo-1.0.dist-info/entry_points.txt
demo.py";
        assert_eq!(paths, expected.lines().collect::<Vec<_>>());
        for (path, file) in [
            ("../../bin/tool", "opt/bin/tool"),
            ("../../bin/run", "opt/bin/run"),
            ("../../bin/program", "opt/bin/program"),
            ("../../share/x/y", "usr/local/share/x/y"),
            (
                "De_mo-1.0.dist-info/REQUESTED",
                &format!("{info}/REQUESTED"),
            ),
        ] {
            assert_eq!(rows[path], Row::of(text(&tree, file).as_bytes()), "{path}");
        }
    }

    #[test]
    fn absent_names_are_linked_unless_a_wheel_has_them() {
        let craft = Craft::new("demo").file("demo-1.0.data/scripts/python3", "#!python\n");
        let links = ["python", "python3"].map(|name| Link {
            path: Path::new("/usr/local/bin").join(name),
            target: "python3.11".into(),
        });
        let change = |request: &mut Finish| request.links = links.to_vec();
        let image = Image::new();
        let (tree, _) = image.finish(&[(&craft, false)], change).expect("finished");
        assert!(text(&tree, "opt/bin/python3").starts_with("#!/"));
        let told: Vec<String> = tree
            .iter()
            .filter(|(path, _)| path.starts_with("opt"))
            .map(|(path, (mode, time, _))| format!("{mode:o} {time} {path}"))
            .collect();
        let expected = [
            "40755 315532800 opt",
            "42775 315532800 opt/bin",
            "120777 315532800 opt/bin/python",
            "100755 315532800 opt/bin/python3",
        ];
        assert_eq!(told, expected);
        assert_eq!(text(&tree, "opt/bin/python"), "python3.11");

        // The image has something else there.
        let links = vec![Link {
            path: "/usr/local/etc/python".into(),
            target: "x".into(),
        }];
        let failure = image.finish(&[], |request| request.links = links);
        let failure = failure.expect_err("no folder");
        assert!(
            failure
                .sentence
                .contains("/usr/local/etc/python cannot be linked"),
            "{failure}"
        );
    }

    #[test]
    fn a_long_interpreter_is_started_by_a_shell() {
        let long = format!("/{}", "x".repeat(130));
        let craft = Craft::new("demo").file("demo-1.0.data/scripts/tool", "#!python\nprint(1)\n");
        let change = |request: &mut Finish| request.interpreter.clone_from(&long);
        let (tree, _) = Image::new()
            .finish(&[(&craft, false)], change)
            .expect("it is finished");
        assert_eq!(
            text(&tree, "opt/bin/tool"),
            format!("#!/bin/sh\n'''exec' '{long}' \"$0\" \"$@\"\n' '''\nprint(1)\n")
        );
    }

    #[test]
    fn a_later_wheel_wins() {
        let one = scripts(Craft::new("one"), "one", "run = one:main")
            .file("one-1.0.data/data/share/x", "1")
            .file("one-1.0.data/data/share/y", "same");
        let two = Craft::new("two")
            .file("two-1.0.data/scripts/run", "two")
            .file("two-1.0.data/data/share/x", "2")
            .file("two-1.0.data/data/share/y", "same");
        let files = ["/opt/bin/run", "/usr/local/share/x"];
        for (crafts, script, data) in [([&one, &two], "two", "2"), ([&two, &one], "one", "1")] {
            let (tree, mut notes) = Image::new()
                .finish(&[(crafts[0], false), (crafts[1], false)], |_| ())
                .expect("it is finished");
            notes.sort();
            let told =
                files.map(|file| messages::kept(Path::new(file), &crafts[0].file, &crafts[1].file));
            assert_eq!(notes, told);
            assert!(text(&tree, "opt/bin/run").contains(script));
            assert_eq!(text(&tree, "usr/local/share/x"), data);
            for name in ["one", "two"] {
                let record = text(&tree, &format!("usr/lib/site/{name}-1.0.dist-info/RECORD"));
                assert!(record.contains("../../share/x,"), "{record}");
            }
        }
    }

    #[test]
    fn no_folder_or_link_of_the_image_is_replaced() {
        let with = |name: &str| Craft::new("demo").file(&format!("demo-1.0.data/{name}"), "");
        for (craft, told) in [
            (
                with("data/share"),
                "it has a file /usr/local/share, where a folder is",
            ),
            (
                with("data/lib"),
                "it has a file /usr/local/lib, where a folder is",
            ),
            (
                with("data/etc/x"),
                "it has files below /usr/local/etc, which is no folder",
            ),
            (
                scripts(with("data/bin/run"), "demo", "run = a:b"),
                "it has `/opt/bin/run` twice",
            ),
            (
                scripts(with("data/bin/run/x"), "demo", "run = a:b"),
                "it has a file /opt/bin/run, where a folder is",
            ),
            (
                with("data/lib/site/demo-1.0.dist-info/RECORD"),
                "it has `/usr/lib/site/demo-1.0.dist-info/RECORD` twice",
            ),
        ] {
            let failure = Image::new()
                .finish(&[(&craft, false)], |_| ())
                .expect_err(told);
            let start = "the wheel demo-1.0-py3-none-any.whl is refused: ";
            assert_eq!(failure.sentence, format!("{start}{told}"));
        }
        let image = Image::new();
        fs::write(image.top.path().join("image/opt/bin/run"), "").expect("a file");
        let failure = image
            .finish(&[(&with("scripts/run/x"), false)], |_| ())
            .expect_err("a file");
        let told = "/usr/local/bin/run, which is no folder";
        assert!(failure.sentence.contains(told), "{failure}");
        // What is unpacked only here is verified here.
        let changed = with("scripts/x")
            .edit("demo-1.0.data/scripts/x", |item| item.bytes = b"x".to_vec())
            .record(|rows| rows)
            .edit("demo-1.0.data/scripts/x", |item| item.bytes = b"y".to_vec());
        let failure = image
            .finish(&[(&changed, false)], |_| ())
            .expect_err("another hash");
        let told = "another hash than RECORD says";
        assert!(failure.sentence.contains(told), "{failure}");
    }
}
