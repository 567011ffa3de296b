//! An image and distributions in it to the image without them.
//!
//! Takes the records of what is installed; takes away what they list, as `pip uninstall` does: files, their byte code, scripts of entry
//! points, and the folders that are empty by then. Where a link leads is never followed out of the places of the Python, and what a
//! RECORD lists outside of them stays. Starts nothing of the image. The folders that stay keep their times.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, FileTimes, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::python::dist_info;
use crate::root::{Resolved, Root};
use crate::wheel::entry_points;
use crate::wheel::messages;
use crate::wheel::request::Remove;

/// A folder with more entries is none that was ever installed.
const MAX_ENTRIES: usize = 200_000;
/// More bytes are no list of scripts.
const MAX_SCRIPTS: u64 = 1024 * 1024;

/// Takes distributions out of an image. Gives what there is to say.
pub fn remove(image: &Root, request: &Remove) -> Result<Vec<String>, Failure> {
    let mut plan = Plan::new(image, request);
    for record in &request.records {
        plan.add(Path::new(record), request)?;
    }
    plan.add_byte_code();
    plan.carry_out()?;
    Ok(plan.notes)
}

/// The module that a file of byte code was made of.
type ModuleOf = fn(&[u8]) -> Option<&[u8]>;

struct Plan<'a> {
    image: &'a Root,
    /// The folders of packages, which hold what depends on nothing else.
    sites: BTreeSet<PathBuf>,
    /// All below which something may be taken away, without links.
    places: BTreeSet<PathBuf>,
    /// Folders that stay, though they be empty.
    floor: BTreeSet<PathBuf>,
    /// What goes, without links on the way.
    files: BTreeSet<PathBuf>,
    /// The modules that go, by their folders.
    modules: BTreeMap<PathBuf, BTreeSet<OsString>>,
    notes: Vec<String>,
}

impl<'a> Plan<'a> {
    fn new(image: &'a Root, request: &Remove) -> Self {
        let real = |path: &Path| Some(image.resolve(path).ok()?.path);
        let parents = request.records.iter().map(Path::new);
        let sites: BTreeSet<PathBuf> = parents.filter_map(|it| real(it.parent()?)).collect();
        let others = [&request.data, &request.scripts, &request.headers];
        let others = others.into_iter().filter_map(|it| real(Path::new(it)));
        let places: BTreeSet<PathBuf> = sites.iter().cloned().chain(others).collect();
        let mut floor = places.clone();
        let data = real(Path::new(&request.data));
        let top = data.iter().flat_map(|data| {
            let names = image.list(data, MAX_ENTRIES).unwrap_or_default();
            names.into_iter().map(|name| data.join(name))
        });
        floor.extend(top);
        Self {
            image,
            sites,
            places,
            floor,
            files: BTreeSet::new(),
            modules: BTreeMap::new(),
            notes: Vec::new(),
        }
    }

    /// Adds all of a distribution.
    fn add(&mut self, record: &Path, request: &Remove) -> Result<(), Failure> {
        let failed = |error: io::Error| messages::failed(record, &error);
        let found = self.image.entry(record).map_err(failed)?;
        if !found.metadata.is_dir() {
            return Err(failed(io::ErrorKind::NotADirectory.into()));
        }
        let (folder, site) = (&found.path, found.path.parent().unwrap_or(&found.path));
        for path in dist_info::listed(self.image, folder).map_err(failed)? {
            self.add_listed(&site.join(path));
        }
        let scripts = self
            .image
            .read_start(&folder.join("entry_points.txt"), MAX_SCRIPTS);
        let scripts = entry_points::read(&scripts.unwrap_or_default()).unwrap_or_default();
        for name in scripts.keys() {
            self.add_listed(&Path::new(&request.scripts).join(name));
        }
        // It speaks of what is gone: nothing of it is of use, listed or not.
        self.add_below(folder).map_err(failed)
    }

    /// Adds a file that is listed, if it is there.
    fn add_listed(&mut self, path: &Path) {
        let Ok(Resolved { path, metadata }) = self.image.entry(path) else {
            return;
        };
        if metadata.is_dir() {
            return;
        }
        if !self.holds(&path) {
            self.notes.push(messages::stays(&path));
            return;
        }
        if let (Some(folder), Some(name)) = (path.parent(), path.file_name())
            && let Some(module) = name.as_bytes().strip_suffix(b".py")
        {
            let of_folder = self.modules.entry(folder.to_owned()).or_default();
            of_folder.insert(OsStr::from_bytes(module).to_owned());
        }
        self.files.insert(path);
    }

    /// Adds all files of a folder.
    fn add_below(&mut self, folder: &Path) -> io::Result<()> {
        let mut pending = vec![folder.to_owned()];
        while let Some(folder) = pending.pop() {
            for name in self.image.list(&folder, MAX_ENTRIES)? {
                let path = folder.join(name);
                match self.image.entry(&path)?.metadata.is_dir() {
                    true => pending.push(path),
                    false => drop(self.files.insert(path)),
                }
            }
        }
        Ok(())
    }

    /// Adds what Python has made of modules: no RECORD has to list it.
    fn add_byte_code(&mut self) {
        for (folder, modules) in std::mem::take(&mut self.modules) {
            for (folder, module_of) in [
                (folder.join("__pycache__"), cached as ModuleOf),
                (folder, compiled),
            ] {
                let is_folder = |found: Resolved| found.metadata.is_dir();
                if !self.image.entry(&folder).is_ok_and(is_folder) {
                    continue;
                }
                for name in self.image.list(&folder, MAX_ENTRIES).unwrap_or_default() {
                    let module = module_of(name.as_bytes());
                    let path = folder.join(&name);
                    if module.is_some_and(|module| modules.contains(OsStr::from_bytes(module)))
                        && !self.image.entry(&path).is_ok_and(is_folder)
                    {
                        self.files.insert(path);
                    }
                }
            }
        }
    }

    /// Whether something is the Python's to take away.
    fn holds(&self, path: &Path) -> bool {
        path.ancestors()
            .skip(1)
            .any(|above| self.places.contains(above))
    }

    /// Takes all away, and then the folders that are empty by it: in those of packages all, elsewhere those that held a file.
    fn carry_out(&self) -> Result<(), Failure> {
        let mut folders: BTreeMap<PathBuf, Metadata> = BTreeMap::new();
        let mut going = BTreeSet::new();
        for file in &self.files {
            let holder = file.parent();
            for folder in file.ancestors().skip(1) {
                let is_going = !self.floor.contains(folder)
                    && (Some(folder) == holder || self.is_in_site(folder));
                if is_going {
                    going.insert(folder);
                }
                if folders.contains_key(folder) {
                    continue;
                }
                let found = self.image.entry(folder);
                let found = found.map_err(|error| messages::failed(folder, &error))?;
                folders.insert(folder.to_owned(), found.metadata);
            }
        }
        for file in &self.files {
            fs::remove_file(self.image.host(file))
                .map_err(|error| messages::failed(file, &error))?;
        }
        // Those below come first.
        for (folder, before) in folders.iter().rev() {
            let host = self.image.host(folder);
            let is_below = folder.ancestors().any(|above| going.contains(above));
            if is_below && !self.floor.contains(folder) && fs::remove_dir(&host).is_ok() {
                continue;
            }
            set_times(&host, before).map_err(|error| messages::failed(folder, &error))?;
        }
        Ok(())
    }

    fn is_in_site(&self, folder: &Path) -> bool {
        folder
            .ancestors()
            .skip(1)
            .any(|above| self.sites.contains(above))
    }
}

/// `name.cpython-311.opt-1.pyc` → `name`
fn cached(file: &[u8]) -> Option<&[u8]> {
    let stem = compiled(file)?;
    let (stem, last) = split_last(stem)?;
    match last.starts_with(b"opt-") {
        true => Some(split_last(stem)?.0),
        false => Some(stem),
    }
}

/// `name.pyc` → `name`
fn compiled(file: &[u8]) -> Option<&[u8]> {
    file.strip_suffix(b".pyc")
        .or_else(|| file.strip_suffix(b".pyo"))
}

fn split_last(name: &[u8]) -> Option<(&[u8], &[u8])> {
    let dot = name.iter().rposition(|byte| *byte == b'.')?;
    Some((name.get(..dot)?, name.get(dot + 1..)?))
}

/// A folder in which something was taken away looks as if nothing was. One that is as it was is not touched: it would be in the layer.
fn set_times(folder: &Path, before: &Metadata) -> io::Result<()> {
    if fs::metadata(folder)?.modified()? == before.modified()? {
        return Ok(());
    }
    let times = FileTimes::new()
        .set_modified(before.modified()?)
        .set_accessed(before.accessed()?);
    File::open(folder)?.set_times(times)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, symlink};

    use super::*;
    use crate::python::find::tests::Image;
    use crate::wheel::request::VERSION;

    const SITE: &str = "/usr/local/lib/python3.11/site-packages";
    /// What stands in every image.
    const OTHERS: [&str; 8] = [
        "/etc/passwd",
        "/usr/bin/tool",
        "/usr/local/bin/python3",
        "/usr/local/etc/kept/x",
        "/usr/local/share/doc/x",
        "/usr/local/lib/python3.11/os.py",
        "/usr/local/lib/python3.11/site-packages/other.py",
        "/usr/local/lib/python3.11/site-packages/space/other/__init__.py",
    ];

    /// An image with `demo` 1.0, whose RECORD and files are these.
    fn image(record: &str, files: &[&str]) -> Image {
        let info = format!("{SITE}/demo-1.0.dist-info");
        let others = OTHERS.iter().map(|path| (*path).to_owned());
        let files = files.iter().map(|path| format!("{SITE}/{path}"));
        others
            .chain(files)
            .fold(Image::new(), |image, path| image.file(&path, ""))
            .file(&format!("{info}/RECORD"), record)
            .file(&format!("{info}/METADATA"), "")
    }

    fn request() -> Remove {
        Remove {
            version: VERSION,
            records: vec![format!("{SITE}/demo-1.0.dist-info")],
            scripts: "/usr/local/bin".to_owned(),
            data: "/usr/local".to_owned(),
            headers: "/usr/local/include/python3.11".to_owned(),
        }
    }

    /// What is there besides, with `/` behind folders that are empty.
    fn left(image: &Image) -> Vec<String> {
        let mut left = Vec::new();
        let mut pending = vec![PathBuf::from("/")];
        while let Some(folder) = pending.pop() {
            let names = image.root.list(&folder, 1000).expect("a folder");
            if names.is_empty() {
                left.push(format!("{}/", folder.display()));
            }
            for name in names {
                let path = folder.join(name);
                match image.root.entry(&path).expect("an entry").metadata.is_dir() {
                    true => pending.push(path),
                    false => left.push(path.display().to_string()),
                }
            }
        }
        left.retain(|path| !OTHERS.contains(&path.as_str()));
        left.sort();
        left
    }

    #[test]
    fn what_is_listed_goes_and_nothing_else() {
        for (record, files, expected) in [
            // Modules with their byte code, in as many folders as there are.
            (
                "demo/__init__.py,sha256=x,0\r\ndemo/sub/a.py,,\r\ndemo/sub/deep/data.txt,,\r\ndemo-1.0.dist-info/RECORD,,\r\n",
                &[
                    "demo/__init__.py",
                    "demo/sub/a.py",
                    "demo/sub/deep/data.txt",
                    "demo/__pycache__/__init__.cpython-311.pyc",
                    "demo/sub/__pycache__/a.cpython-311.opt-1.pyc",
                    "demo/sub/a.pyo",
                ][..],
                &[][..],
            ),
            // Beside others', and what was written since stays.
            (
                "demo.py,,\nspace/demo/x.py,,\n\"a,b.py\",,\nabsent.py,,\n",
                &[
                    "demo.py",
                    "space/demo/x.py",
                    "a,b.py",
                    "__pycache__/demo.cpython-311.pyc",
                    "__pycache__/demo_of_others.cpython-311.pyc",
                    "__pycache__/absent.cpython-311.pyc",
                    "space/demo/cache/y",
                ],
                &[
                    "__pycache__/absent.cpython-311.pyc",
                    "__pycache__/demo_of_others.cpython-311.pyc",
                    "space/demo/cache/y",
                ],
            ),
            // Scripts, data, headers and `.pth`: the folder that a file was in goes, and no known one.
            (
                "demo.pth,,\n../../../bin/demo,,\n../../../share/demo/a/b/x,,\n../../../share/demo/y,,\n../../../etc/demo.conf,,\n\
                 /usr/local/include/python3.11/demo/x.h,,\n../../../man/man1/demo.1,,\n",
                &[
                    "demo.pth",
                    "../../../bin/demo",
                    "../../../share/demo/a/b/x",
                    "../../../share/demo/y",
                    "../../../etc/demo.conf",
                    "../../../include/python3.11/demo/x.h",
                    "../../../include/python3.11/Python.h",
                    "../../../man/man1/demo.1",
                ],
                &["../../../include/python3.11/Python.h", "../../../man/"],
            ),
            // A folder is not what a RECORD lists, and its own record goes whole.
            (
                "demo,,\n.,,\n..,,\n/,,\n,,\n../../..,,\n",
                &["demo/x.py", "demo-1.0.dist-info/licenses/LICENSE"],
                &["demo/x.py"],
            ),
        ] {
            let image = image(record, files);
            let notes = remove(&image.root, &request()).expect(record);
            assert_eq!(notes, [] as [&str; 0], "{record}");
            let expected: Vec<String> = expected
                .iter()
                .map(|path| match path.strip_prefix("../../..") {
                    Some(path) => format!("/usr/local{path}"),
                    None => format!("{SITE}/{path}"),
                })
                .collect();
            assert_eq!(left(&image), expected, "{record}");
            for other in OTHERS {
                assert!(image.root.is_file(Path::new(other)), "{record}: {other}");
            }
        }
    }

    #[test]
    fn nothing_outside_goes_whatever_is_listed() {
        let record = "../../../../../etc/passwd,,\n/etc/passwd,,\n../../../../bin/tool,,\nout/passwd,,\nup/tool,,\nlink,,\n\
                      ../../../../../../../../../../etc/passwd,,\ngone,,\n";
        let image = image(record, &[]);
        let at = |path: &str| image.root.host(Path::new(&format!("{SITE}/{path}")));
        symlink("/etc", at("out")).expect("a link");
        symlink("../../../../bin", at("up")).expect("a link");
        symlink("/etc/passwd", at("link")).expect("a link");
        symlink("/nowhere", at("gone")).expect("a link");
        let info = at("demo-1.0.dist-info");
        symlink("/etc", info.join("folder")).expect("a link");
        fs::write(
            info.join("entry_points.txt"),
            "[console_scripts]\n../../bin/tool = a:b\n",
        )
        .expect("a file");
        let notes = remove(&image.root, &request()).expect("is removed");
        assert_eq!(notes.len(), 6, "{notes:?}");
        for path in ["/etc/passwd", "/usr/bin/tool"] {
            assert!(notes.contains(&messages::stays(Path::new(path))), "{path}");
            assert!(image.root.is_file(Path::new(path)), "{path}");
        }
        // The links themselves are a distribution's own, if it lists them.
        assert_eq!(
            left(&image),
            ["out", "up"].map(|name| format!("{SITE}/{name}"))
        );
    }

    #[test]
    fn scripts_of_entry_points_go_without_being_listed() {
        let image = image("", &["../../../bin/demo", "../../../bin/other"]).file(
            &format!("{SITE}/demo-1.0.dist-info/entry_points.txt"),
            "[console_scripts]\ndemo = demo:main\n",
        );
        remove(&image.root, &request()).expect("is removed");
        assert_eq!(left(&image), ["/usr/local/bin/other"]);
    }

    #[test]
    fn folders_that_stay_look_as_if_nothing_was() {
        let image = image("demo/x.py,,\nspace/x.py,,\n", &["demo/x.py", "space/x.py"]);
        let folder = |path: &str| image.root.host(Path::new(&format!("{SITE}{path}")));
        let time = |path: &str| {
            let found = fs::metadata(folder(path)).expect("a folder");
            (found.mtime(), found.mtime_nsec())
        };
        let before = ["", "/space"].map(time);
        remove(&image.root, &request()).expect("is removed");
        assert_eq!(["", "/space"].map(time), before);
        assert!(!folder("/demo").exists());
    }

    #[test]
    fn what_lists_no_files_is_not_removed() {
        let without = |record: &str| {
            let image = image("demo.py,,\n", &["demo.py"]);
            fs::remove_file(image.root.host(Path::new(SITE)).join(record)).expect("removes");
            image
        };
        let image = without("demo-1.0.dist-info/RECORD");
        symlink(
            "/etc/passwd",
            image
                .root
                .host(Path::new(SITE))
                .join("demo-1.0.dist-info/RECORD"),
        )
        .expect("a link");
        let failure = remove(&image.root, &request()).expect_err("no RECORD");
        assert!(
            failure
                .sentence
                .contains("demo-1.0.dist-info: it has no RECORD"),
            "{failure}"
        );
        let none = Remove {
            records: vec![format!("{SITE}/none-1.0.dist-info")],
            ..request()
        };
        assert!(remove(&image.root, &none).is_err());
        assert!(image.root.is_file(Path::new(&format!("{SITE}/demo.py"))));
    }
}
