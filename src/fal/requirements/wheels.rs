//! The wheels of a lock as layers: each is fetched by the daemon, unpacked without the image, and shared by all images that have the same
//! Python at the same place.
//!
//! ```text
//! resolve  on the image's base: which wheels it comes to (a lock), or why not
//! fetch    a wheel each, by its sum
//! build    what is no wheel yet: each on the image that was asked, with what that takes from an index
//! unpack   one large wheel, or several small ones, into a layer that depends on nothing else
//! compile  byte code of one of these layers, by the image's Python, if it is asked for
//! finish   scripts and whatever else depends on the interpreter or the app, and names that the interpreter lacks
//! remove   what the image has of them in another version: the image without it
//! merge    the image and all of these
//! ```

use fal_helper::{
    build::{self, Build},
    cli,
    lock::{self, ByteCode, Lock},
    look::wheels::Replaced,
    report::Link,
    request::Image,
    wheel::request::{self, Compile, Finish, Installed, Parent, Remove, Unpack},
};
use sha2::{Digest, Sha256};

use crate::{
    fal::{
        layers::{self, Layers},
        options,
    },
    llb::{
        Graph, Input, Location, Output,
        exec::{ContentCache, Exec, Mount, NetMode},
        source::{FileInfo, Http},
    },
};

use super::{Ground, step};

/// How many layers an image has at most: some runtimes take 127 and no more, and other steps come after these.
pub const MOST_LAYERS: usize = 100;

/// Where steps see the wheels, each in a folder that is called by its number.
const WHEELS: &str = "/.fal-wheels";
/// Where a step sees wheels that are unpacked.
const LAYER: &str = "/.fal-layer";
/// Where a step that builds sees what from.
const SOURCE: &str = "/.fal-source";

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
    /// How many layers there can be: [`least`] at least.
    pub room: usize,
    /// What is needed of the context.
    pub context: Option<Output>,
    /// What is built is built on this.
    pub ground: Ground,
    /// Names of the interpreter that the image lacks.
    pub links: &'a [Link],
    /// As in [`super::Step`].
    pub cache_namespace: &'a str,
}

/// How wheels become layers.
#[derive(Debug, Clone, Copy)]
pub struct Sharing {
    /// What they are, to people.
    pub what: &'static str,
    /// A wheel of more bytes has a layer of its own.
    large: u64,
    /// One of more bytes is with others of its kind: what changes most often is small, and then is not compressed and pushed with these.
    medium: u64,
    /// How many layers the others share.
    layers: usize,
}

impl Sharing {
    /// What the user wants.
    pub const REQUIREMENTS: Self = Self {
        what: "the requirements",
        large: 20_000_000,
        medium: 1_000_000,
        layers: 8,
    };
    /// What fal needs: nearly the same for everybody, and two layers with `botocore`.
    pub const RUNTIME: Self = Self {
        what: "the runtime",
        large: 5_000_000,
        medium: 5_000_000,
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

/// A folder with a wheel.
#[derive(Clone, Copy)]
struct Folder {
    root: Output,
    /// Whether the wheel was built, so that only its bytes say what it is.
    is_built: bool,
}

/// How many layers wheels have for each that they are unpacked into.
///
/// Byte code has a layer beside each of them: a changed wheel takes the byte code of its own group along and of no other. One for all small
/// wheels would be pushed whole with every change of one; in the same layer, wheels without byte code could not be shared with images that
/// have it.
fn layers_of_group(lock: &Lock) -> usize {
    match lock.byte_code {
        None => 1,
        Some(_) => 2,
    }
}

/// How many layers wheels have at least: what is unpacked, and the rest.
pub fn least(lock: &Lock) -> usize {
    layers_of_group(lock) + 1
}

impl Wheels<'_> {
    /// Adds the layers to a graph, the last of which looks at `image`. With `is_soft` they say why a wheel is refused, in the place of what would be in them.
    pub fn add(
        &self,
        layers: &Layers,
        graph: &mut Graph,
        image: Input,
        is_soft: bool,
    ) -> Vec<Brought> {
        let room = self.room.saturating_sub(1) / layers_of_group(self.lock);
        let groups = groups(&self.lock.packages, room, self.sharing);
        let packages = self.lock.packages.iter();
        let wheels: Vec<Folder> = packages
            .map(|package| self.wheel(layers, graph, package))
            .collect();
        let mut brought: Vec<Brought> = Vec::new();
        for group in &groups {
            let unpacked = self.unpack(layers, graph, group, &wheels, is_soft);
            let compiled = self.compile(layers, graph, image, group, unpacked.root);
            brought.push(unpacked);
            brought.extend(compiled);
        }
        if !wheels.is_empty() || !self.links.is_empty() {
            brought.push(self.finish(layers, graph, image, &wheels, is_soft));
        }
        brought
    }

    /// The file that a URL is of.
    pub fn file_at(&self, url: &str) -> Option<&lock::File> {
        let packages = self.lock.packages.iter();
        let mut files = packages.filter_map(|package| package.source.file());
        files.find(|file| file.url == url)
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

    /// Adds the step that takes out why one of the builds failed, in a folder of its own.
    pub fn said(&self, layers: &Layers, graph: &mut Graph) -> Option<Output> {
        let built = self
            .lock
            .packages
            .iter()
            .filter_map(|it| self.build(layers, it));
        let names = built.map(|build| build.said()).collect();
        step::said(layers, graph, self.cache(), names)
    }

    /// Whether a step builds anything.
    pub fn has_builds(&self) -> bool {
        self.lock.packages.iter().any(|it| it.source.is_built())
    }

    /// A folder with the wheel of a package.
    fn wheel(&self, layers: &Layers, graph: &mut Graph, package: &lock::Package) -> Folder {
        let fetched = package
            .source
            .file()
            .map(|file| self.fetch(layers, graph, package, file));
        let build = self.build(layers, package);
        let root = match (&build, fetched) {
            (None, Some(fetched)) => fetched,
            (Some(build), fetched) => self.build_step(layers, graph, package, build, fetched),
            // What is not fetched is built.
            (None, None) => layers.helper,
        };
        Folder {
            root,
            is_built: build.is_some(),
        }
    }

    fn fetch(
        &self,
        layers: &Layers,
        graph: &mut Graph,
        package: &lock::Package,
        file: &lock::File,
    ) -> Output {
        let shown = format!("fetch {}", package.shown());
        let mut meta = layers.meta(&shown, &layers.build_platform);
        // What it is does not change: its sum says so.
        meta.ignore_cache = false;
        meta.locations = vec![self.location.clone()];
        let source = Http {
            url: file.url.clone(),
            checksum: Some(format!("sha256:{}", file.sha256)),
            file: FileInfo {
                filename: file.name.clone(),
                ..FileInfo::default()
            },
            ..Http::default()
        };
        graph.add_source(source, meta)
    }

    /// What is asked of the step that builds a package, if one does.
    fn build(&self, layers: &Layers, package: &lock::Package) -> Option<Build> {
        let from = match &package.source {
            source if !source.is_built() => return None,
            lock::Source::Git(git) => build::From::Git(lock::Git {
                // What was asked for is in what tells where it came from.
                requested: None,
                ..git.clone()
            }),
            lock::Source::Directory(_) => build::From::Folder,
            source => build::From::File(source.file()?.name.clone()),
        };
        Some(Build {
            version: build::VERSION,
            wheel: package.wheel_name(),
            from,
            flags: self.lock.build_flags.clone(),
            python: layers.request.python,
            image: Image {
                // Nothing of the app is started.
                user: String::new(),
                working_dir: String::new(),
                home: None,
                ..layers.request.image.clone()
            },
        })
    }

    /// A step that builds a wheel, on the image that was asked which ones there are.
    fn build_step(
        &self,
        layers: &Layers,
        graph: &mut Graph,
        package: &lock::Package,
        build: &Build,
        fetched: Option<Output>,
    ) -> Output {
        let source = match &package.source {
            lock::Source::Directory(path) => self.context.map(|context| {
                let mounted = Mount::bind(SOURCE, context).readonly();
                match path.as_str() {
                    "" => mounted,
                    path => mounted.select(format!("/{path}")),
                }
            }),
            _ => fetched.map(|fetched| Mount::bind(SOURCE, fetched).readonly()),
        };
        let args = cli::build_arguments(
            step::CACHE,
            source.is_some().then_some(SOURCE),
            layers::OUT,
            build,
        );
        let shown = format!("build {}", package.shown());
        let place = match self.ground {
            Ground::Base => layers.on_any_base(),
            Ground::Image(image) => layers.on(image, false),
        };
        let (exec, mut meta) = layers.process(place, &shown);
        let exec = layers.keep_caches(exec, &mut meta);
        let mut mounts = vec![layers::helper(layers.helper), self.cache()];
        mounts.extend(source);
        mounts.push(Mount::bind(layers::OUT, None));
        let exec = Exec {
            args: layers::command(args),
            mounts,
            ..exec
        };
        meta.locations = vec![self.location.clone()];
        layers::last_output(graph.add_exec(exec, meta)).unwrap_or(layers.helper)
    }

    /// What uv keeps: builds take it from there, too.
    fn cache(&self) -> Mount {
        step::cache(options::Resolver::Uv, self.cache_namespace)
    }

    fn unpack(
        &self,
        layers: &Layers,
        graph: &mut Graph,
        group: &[usize],
        folders: &[Folder],
        is_soft: bool,
    ) -> Brought {
        let target = &self.lock.target;
        let packages = || group.iter().filter_map(|at| self.lock.packages.get(*at));
        let wanted = Unpack {
            version: request::VERSION,
            wheels: packages().map(lock::Package::wheel_name).collect(),
            purelib: target.purelib.clone(),
            platlib: target.platlib.clone(),
            parents: parents(&target.parents),
        };
        let names = self.names(group);
        let folders = group.iter().filter_map(|at| folders.get(*at).copied());
        let args = cli::unpack_arguments(WHEELS, layers::OUT, is_soft, &wanted);
        let shown = format!("unpack {names}");
        self.step(layers, graph, args, folders, None, shown)
    }

    /// The packages of a group, to people.
    fn names(&self, group: &[usize]) -> String {
        let packages = group.iter().filter_map(|at| self.lock.packages.get(*at));
        let names: Vec<String> = packages.map(lock::Package::shown).collect();
        names.join(", ")
    }

    /// Adds the step that makes byte code of what was unpacked, if it is asked for. It starts the Python of what stays the same when the
    /// user's files change, if that has it.
    fn compile(
        &self,
        layers: &Layers,
        graph: &mut Graph,
        image: Input,
        group: &[usize],
        unpacked: Input,
    ) -> Option<Brought> {
        let place = match self.lock.byte_code? {
            ByteCode::Base => layers.on_any_base(),
            ByteCode::Image => layers.on(image, true),
        };
        let target = &self.lock.target;
        let wanted = Compile {
            version: request::VERSION,
            interpreter: target.executable.clone(),
            parents: parents(&target.parents),
        };
        let shown = format!("compile {}", self.names(group));
        let args = layers::command(cli::compile_arguments(LAYER, layers::OUT, &wanted));
        let mut layer = Mount::bind(LAYER, unpacked).readonly();
        if layers.has_content_cache {
            // What it was made of is its key already.
            layer.content_cache = ContentCache::Off;
        }
        let (exec, mut meta) = layers.offline(place, &shown);
        let exec = Exec {
            args: args.clone(),
            mounts: vec![
                layers::helper(layers.helper),
                layer,
                Mount::bind(layers::OUT, None),
            ],
            ..exec
        };
        meta.locations = vec![self.location.clone()];
        let root = layers::last_output(graph.add_exec(exec, meta));
        Some(Brought { root, shown, args })
    }

    fn finish(
        &self,
        layers: &Layers,
        graph: &mut Graph,
        image: Input,
        folders: &[Folder],
        is_soft: bool,
    ) -> Brought {
        let target = &self.lock.target;
        let wheels = self.lock.packages.iter().map(|package| Installed {
            file: package.wheel_name(),
            requested: package.requested,
            direct_url: package.source.direct_url(),
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
            links: self.links.to_vec(),
        };
        let args = cli::finish_arguments(WHEELS, layers::IMAGE, layers::OUT, is_soft, &wanted);
        let shown = format!("finish {}", self.sharing.what);
        let folders = folders.iter().copied();
        self.step(layers, graph, args, folders, Some(image), shown)
    }

    /// A step that starts nothing of an image's.
    fn step(
        &self,
        layers: &Layers,
        graph: &mut Graph,
        args: Vec<String>,
        folders: impl Iterator<Item = Folder>,
        image: Option<Input>,
        shown: String,
    ) -> Brought {
        let mut mounts = vec![layers::helper(layers.helper)];
        mounts.extend((0..).zip(folders).map(|(at, wheel): (usize, Folder)| {
            let mut mount = Mount::bind(format!("{WHEELS}/{at}"), wheel.root).readonly();
            if layers.has_content_cache && !wheel.is_built {
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

/// Which wheels are unpacked together, as indices: in at most `room` groups, and one at least. A large one is alone; the others go by
/// their names, so that a change of one leaves the others where they were, the small ones in half of the groups.
fn groups(packages: &[lock::Package], room: usize, sharing: Sharing) -> Vec<Vec<usize>> {
    let room = room.max(1);
    let size = |at: &usize| packages.get(*at)?.wheel()?.size;
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
    let (of_small, of_medium) = bins.split_at_mut(shared.div_ceil(2));
    for at in (0..packages.len()).filter(|at| !large.contains(at)) {
        let is_medium = size(&at).is_some_and(|size| size > sharing.medium);
        let bins = match is_medium && !of_medium.is_empty() {
            true => &mut *of_medium,
            false => &mut *of_small,
        };
        let digest = Sha256::digest(name(&at).unwrap_or_default());
        let number = usize::from(digest[0]) % bins.len().max(1);
        if let Some(bin) = bins.get_mut(number) {
            bin.push(at);
        }
    }
    let mut groups: Vec<Vec<usize>> = large.into_iter().map(|at| vec![at]).collect();
    groups.extend(bins.into_iter().filter(|bin| !bin.is_empty()));
    groups
}

#[cfg(test)]
mod tests {
    use fal_helper::lock::{File, Package, Source};

    use super::*;

    fn package(name: &str, size: u64) -> Package {
        Package {
            name: name.to_owned(),
            version: "1".to_owned(),
            requested: false,
            source: Source::Wheel(File {
                name: format!("{name}-1-py3-none-any.whl"),
                url: format!("https://packages.example.com/{name}.whl"),
                sha256: "0".repeat(64),
                size: Some(size),
            }),
        }
    }

    fn names(packages: &[Package], room: usize) -> Vec<Vec<String>> {
        let groups = groups(packages, room, Sharing::REQUIREMENTS);
        let names = |group: Vec<usize>| group.iter().map(|at| packages[*at].name.clone()).collect();
        groups.into_iter().map(names).collect()
    }

    #[test]
    fn a_large_wheel_is_alone_and_the_others_stay_where_they_are() {
        let mut packages: Vec<Package> = (0..40).map(|n| package(&format!("p{n}"), 1000)).collect();
        packages.push(package("torch", 700_000_000));
        packages.push(package("scipy", 40_000_000));
        let before = names(&packages, 90);
        assert_eq!(before[..2], [vec!["torch"], vec!["scipy"]]);
        assert!(before.len() <= 2 + Sharing::REQUIREMENTS.layers);

        // One more, and one less: every other is with the same ones as before.
        packages.push(package("new", 1000));
        packages.remove(7);
        let after = names(&packages, 90);
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
    fn what_is_small_is_not_pushed_with_what_is_not() {
        let mut packages: Vec<Package> = (0..40).map(|n| package(&format!("s{n}"), 9000)).collect();
        packages.extend((0..20).map(|n| package(&format!("m{n}"), 9_000_000)));
        for group in names(&packages, 90) {
            let kind = group[0].chars().next();
            assert!(
                group.iter().all(|it| it.chars().next() == kind),
                "{group:?}"
            );
        }
    }

    #[test]
    fn there_are_never_more_layers_than_there_is_room_for() {
        let packages: Vec<Package> = (0..60)
            .map(|n| package(&format!("p{n}"), 30_000_000 + n))
            .collect();
        for room in [1, 2, 7, 8, 9, 20, 60, 68, 200] {
            let groups = names(&packages, room);
            assert!(groups.len() <= room, "{room}");
            assert_eq!(groups.concat().len(), packages.len(), "{room}");
        }
        // Nothing is ever left out.
        assert_eq!(names(&packages, 0).concat().len(), packages.len());
        assert!(names(&[], 0).is_empty());
        // The largest are those that are alone.
        let groups = names(&packages, 10);
        assert_eq!(groups[..2], [vec!["p59"], vec!["p58"]]);
    }
}
