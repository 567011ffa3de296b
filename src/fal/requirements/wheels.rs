//! The wheels of a lock as layers: each is fetched by the daemon, unpacked without the image, and shared by all images that have the same
//! Python at the same place.
//!
//! ```text
//! resolve  on the image's base: which wheels it comes to (a lock), or why not
//! fetch    a wheel each, by its sum
//! unpack   one large wheel, or several small ones, into a layer that depends on nothing else
//! finish   scripts and whatever else depends on the interpreter or the app
//! remove   what the image has of them in another version: the image without it
//! merge    the image and all of these
//! ```

use fal_helper::{
    cli,
    lock::{self, Lock},
    look::wheels::Replaced,
    wheel::request::{self, Finish, Installed, Parent, Remove, Unpack},
};
use sha2::{Digest, Sha256};

use crate::{
    fal::layers::{self, Layers},
    llb::{
        Graph, Input, Location, Output,
        exec::{ContentCache, Exec, Mount, NetMode},
        source::{FileInfo, Http},
    },
};

/// How many layers an image has at most: some runtimes take 127 and no more, and other steps come after these.
pub const MOST_LAYERS: usize = 100;

/// Where steps see the wheels, each in a folder that is called by its number.
const WHEELS: &str = "/.fal-wheels";

/// The wheels of a lock, to be put on an image.
#[derive(Debug)]
pub struct Wheels<'a> {
    /// Which, and for which Python: those that the image has not.
    pub lock: &'a Lock,
    /// What they come in the place of.
    pub replaced: &'a [Replaced],
    /// Where they were asked for.
    pub location: Location,
    /// Which of them are layers of their own.
    pub sharing: Sharing,
}

/// How wheels become layers.
#[derive(Debug, Clone, Copy)]
pub struct Sharing {
    /// What they are, to people.
    pub what: &'static str,
    /// A wheel of more bytes has a layer of its own.
    large: u64,
    /// How many layers the others share.
    layers: usize,
}

impl Sharing {
    /// What the user wants.
    pub const REQUIREMENTS: Self = Self {
        what: "the requirements",
        large: 20_000_000,
        layers: 8,
    };
    /// What fal needs: nearly the same for everybody, and two layers with `botocore`.
    pub const RUNTIME: Self = Self {
        what: "the runtime",
        large: 5_000_000,
        layers: 1,
    };
}

/// One layer.
#[derive(Debug)]
pub struct Brought {
    /// What is in it, and nothing else.
    pub root: Input,
    /// What it is, for the history.
    pub shown: String,
    /// What made it: by this its op is told from others.
    pub args: Vec<String>,
}

impl Wheels<'_> {
    /// Adds the layers to a graph, the last of which looks at `image`. `room` is how many there can be; nothing if that is not enough. With
    /// `is_soft` they say why a wheel is refused, in the place of what would be in them.
    pub fn add(
        &self,
        layers: &Layers,
        graph: &mut Graph,
        image: Input,
        room: usize,
        is_soft: bool,
    ) -> Option<Vec<Brought>> {
        let groups = groups(&self.lock.packages, room.checked_sub(1)?, self.sharing)?;
        let packages = self.lock.packages.iter();
        let fetched: Vec<Output> = packages
            .map(|package| self.fetch(layers, graph, package))
            .collect();
        let mut brought: Vec<Brought> = groups
            .iter()
            .map(|group| self.unpack(layers, graph, group, &fetched, is_soft))
            .collect();
        if !fetched.is_empty() {
            brought.push(self.finish(layers, graph, image, &fetched, is_soft));
        }
        Some(brought)
    }

    /// The wheel that a URL is of.
    pub fn wheel_at(&self, url: &str) -> Option<&lock::Wheel> {
        let mut wheels = self.lock.packages.iter().map(|package| &package.wheel);
        wheels.find(|wheel| wheel.url == url)
    }

    /// Adds a step that takes out of the image what wheels come in the place of, if there is anything: it gives the image.
    pub fn remove(&self, layers: &Layers, graph: &mut Graph, image: Input) -> Option<Brought> {
        let replaced = self.replaced;
        if replaced.is_empty() {
            return None;
        }
        let target = &self.lock.target;
        let records = replaced
            .iter()
            .map(|it| it.record.to_string_lossy().into_owned());
        let wanted = Remove {
            version: request::VERSION,
            records: records.collect(),
            scripts: target.scripts.clone(),
            data: target.data.clone(),
            headers: target.headers.clone(),
        };
        let names: Vec<&str> = replaced.iter().map(|it| it.shown.as_str()).collect();
        let shown = format!("remove {}", names.join(", "));
        let args = layers::command(cli::remove_arguments(layers::IMAGE, &wanted));
        let exec = Exec {
            args: args.clone(),
            cwd: "/".to_owned(),
            network: NetMode::None,
            mounts: vec![
                layers::helper(layers.helper),
                Mount::bind(layers::IMAGE, image),
            ],
            ..Exec::default()
        };
        let mut meta = layers.meta(&shown, &layers.build_platform);
        meta.locations = vec![self.location.clone()];
        // The root of the step holds nothing; the image is what is mounted.
        let removed = layers::last_output(graph.add_exec(exec, meta));
        Some(Brought {
            root: removed.or(image),
            shown,
            args,
        })
    }

    fn fetch(&self, layers: &Layers, graph: &mut Graph, package: &lock::Package) -> Output {
        let wheel = &package.wheel;
        let shown = format!("fetch {} {}", package.name, package.version);
        let mut meta = layers.meta(&shown, &layers.build_platform);
        // What it is does not change: its sum says so.
        meta.ignore_cache = false;
        meta.locations = vec![self.location.clone()];
        let source = Http {
            url: wheel.url.clone(),
            checksum: Some(format!("sha256:{}", wheel.sha256)),
            file: FileInfo {
                filename: wheel.file.clone(),
                ..FileInfo::default()
            },
            ..Http::default()
        };
        graph.add_source(source, meta)
    }

    fn unpack(
        &self,
        layers: &Layers,
        graph: &mut Graph,
        group: &[usize],
        fetched: &[Output],
        is_soft: bool,
    ) -> Brought {
        let target = &self.lock.target;
        let packages = || group.iter().filter_map(|at| self.lock.packages.get(*at));
        let wanted = Unpack {
            version: request::VERSION,
            wheels: packages().map(|it| it.wheel.file.clone()).collect(),
            purelib: target.purelib.clone(),
            platlib: target.platlib.clone(),
            parents: parents(&target.parents),
        };
        let names: Vec<String> = packages()
            .map(|package| format!("{} {}", package.name, package.version))
            .collect();
        let fetched = group.iter().filter_map(|at| fetched.get(*at).copied());
        let args = cli::unpack_arguments(WHEELS, layers::OUT, is_soft, &wanted);
        let shown = format!("unpack {}", names.join(", "));
        self.step(layers, graph, args, fetched, None, shown)
    }

    fn finish(
        &self,
        layers: &Layers,
        graph: &mut Graph,
        image: Input,
        fetched: &[Output],
        is_soft: bool,
    ) -> Brought {
        let target = &self.lock.target;
        let wheels = self.lock.packages.iter().map(|package| Installed {
            file: package.wheel.file.clone(),
            requested: package.requested,
            direct_url: None,
        });
        let wanted = Finish {
            version: request::VERSION,
            wheels: wheels.collect(),
            purelib: target.purelib.clone(),
            platlib: target.platlib.clone(),
            scripts: target.scripts.clone(),
            data: target.data.clone(),
            headers: target.headers.clone(),
            interpreter: target.executable.clone(),
        };
        let args = cli::finish_arguments(WHEELS, layers::IMAGE, layers::OUT, is_soft, &wanted);
        let shown = format!("finish {}", self.sharing.what);
        let fetched = fetched.iter().copied();
        self.step(layers, graph, args, fetched, Some(image), shown)
    }

    /// A step that starts nothing of an image's.
    fn step(
        &self,
        layers: &Layers,
        graph: &mut Graph,
        args: Vec<String>,
        fetched: impl Iterator<Item = Output>,
        image: Option<Input>,
        shown: String,
    ) -> Brought {
        let mut mounts = vec![layers::helper(layers.helper)];
        mounts.extend((0..).zip(fetched).map(|(at, wheel): (usize, _)| {
            let mut mount = Mount::bind(format!("{WHEELS}/{at}"), wheel).readonly();
            if layers.has_content_cache {
                // Its sum is its key already.
                mount.content_cache = ContentCache::Off;
            }
            mount
        }));
        mounts.extend(image.map(|image| layers.seen(image)));
        mounts.push(Mount::bind(layers::OUT, None));
        let args = layers::command(args);
        let exec = Exec {
            args: args.clone(),
            cwd: "/".to_owned(),
            network: NetMode::None,
            mounts,
            ..Exec::default()
        };
        let mut meta = layers.meta(&shown, &layers.build_platform);
        meta.locations = vec![self.location.clone()];
        let root = layers::last_output(graph.add_exec(exec, meta));
        Brought { root, shown, args }
    }
}

fn parents(folders: &[lock::Folder]) -> Vec<Parent> {
    let parents = folders.iter().map(|folder| Parent {
        path: folder.path.clone(),
        mode: folder.mode,
        uid: folder.uid,
        gid: folder.gid,
    });
    parents.collect()
}

/// Which wheels are unpacked together, as indices: in at most `room` groups, nothing if there is no room at all. A large one is alone; the
/// others go by their names, so that a change of one leaves the others where they were.
fn groups(packages: &[lock::Package], room: usize, sharing: Sharing) -> Option<Vec<Vec<usize>>> {
    if packages.is_empty() {
        return Some(Vec::new());
    }
    let size = |at: &usize| packages.get(*at).and_then(|package| package.wheel.size);
    let is_large = |at: &usize| size(at).is_some_and(|size| size > sharing.large);
    let mut large: Vec<usize> = (0..packages.len()).filter(is_large).collect();
    let name = |at: &usize| packages.get(*at).map(|package| package.name.as_str());
    large.sort_by(|one, other| {
        size(other)
            .cmp(&size(one))
            .then(name(one).cmp(&name(other)))
    });
    let shared = sharing.layers.min(room);
    large.truncate(room - shared);
    let mut bins: Vec<Vec<usize>> = vec![Vec::new(); shared];
    for at in (0..packages.len()).filter(|at| !large.contains(at)) {
        let digest = Sha256::digest(name(&at).unwrap_or_default());
        let number = usize::from(digest[0]) % shared.max(1);
        bins.get_mut(number)?.push(at);
    }
    let mut groups: Vec<Vec<usize>> = large.into_iter().map(|at| vec![at]).collect();
    groups.extend(bins.into_iter().filter(|bin| !bin.is_empty()));
    Some(groups)
}

#[cfg(test)]
mod tests {
    use fal_helper::lock::{Package, Wheel};

    use super::*;

    fn package(name: &str, size: u64) -> Package {
        Package {
            name: name.to_owned(),
            version: "1".to_owned(),
            requested: false,
            wheel: Wheel {
                file: format!("{name}-1-py3-none-any.whl"),
                url: format!("https://packages.example.com/{name}.whl"),
                sha256: "0".repeat(64),
                size: Some(size),
            },
        }
    }

    fn names(packages: &[Package], room: usize) -> Option<Vec<Vec<String>>> {
        let groups = groups(packages, room, Sharing::REQUIREMENTS)?;
        let names = |group: Vec<usize>| group.iter().map(|at| packages[*at].name.clone()).collect();
        Some(groups.into_iter().map(names).collect())
    }

    #[test]
    fn a_large_wheel_is_alone_and_the_others_stay_where_they_are() {
        let mut packages: Vec<Package> = (0..40).map(|n| package(&format!("p{n}"), 1000)).collect();
        packages.push(package("torch", 700_000_000));
        packages.push(package("scipy", 40_000_000));
        let before = names(&packages, 90).expect("room");
        assert_eq!(before[..2], [vec!["torch"], vec!["scipy"]]);
        assert!(before.len() <= 2 + Sharing::REQUIREMENTS.layers);

        // One more, and one less: every other is with the same ones as before.
        packages.push(package("new", 1000));
        packages.remove(7);
        let after = names(&packages, 90).expect("room");
        for group in &before {
            let without = |group: &[String], name: &str| -> Vec<String> {
                group.iter().filter(|it| *it != name).cloned().collect()
            };
            let group = without(group, "p7");
            let is_there = after.iter().any(|other| without(other, "new") == group);
            assert!(group.is_empty() || is_there, "{group:?}");
        }
    }

    #[test]
    fn there_are_never_more_layers_than_there_is_room_for() {
        let packages: Vec<Package> = (0..60)
            .map(|n| package(&format!("p{n}"), 30_000_000 + n))
            .collect();
        for room in [1, 2, 7, 8, 9, 20, 60, 68, 200] {
            let groups = names(&packages, room).expect("room");
            assert!(groups.len() <= room, "{room}");
            assert_eq!(groups.concat().len(), packages.len(), "{room}");
        }
        assert_eq!(names(&packages, 0), None);
        assert_eq!(names(&[], 0), Some(Vec::new()));
        // The largest are those that are alone.
        let groups = names(&packages, 10).expect("room");
        assert_eq!(groups[..2], [vec!["p59"], vec!["p58"]]);
    }
}
