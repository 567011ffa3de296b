//! The fal layers: steps after the last instruction of the target.
//!
//! ```text
//! requirements  installs what the user asks for, a step a layer (`super::requirements`)
//! look     reads the finished image, on the build platform, without starting anything of it
//! fetch    fetches what installing curl takes, with the base image's package manager
//! curl     installs curl with the image's package manager
//! runtime  installs pydantic, protobuf and boto3 with the image's Python, and tries them
//! import   tries them, where they come as wheels
//! ```
//! Every step runs `fal-helper`, mounted read-only by its path alone, so that a step's cache key holds the helper's bytes and
//! nothing else of the frontend's image. `look` says what is to be done; the others do it, or nothing. Reports are outputs of
//! their own, never files in the image.

use std::sync::Arc;

use fal_helper::{
    cli::{self, Look},
    environment,
    report::Report,
    request::{Curl, Package, Request},
};

use crate::{
    image,
    llb::{
        self, ExecOutputs, Graph, Input, Meta, Output,
        exec::{ContentCache, Exec, HostIp, Mount, NetMode, ProxyEnv},
    },
    proto::pb,
};

use super::options::Refresh;

/// Where the frontend's image has the helper.
pub const HELPER: &str = "/helper/fal-helper";

/// Where steps see the helper. One level deep, all of them: that is what BuildKit takes away again where it was not there.
const MOUNTED: &str = "/.fal-helper";
/// Where steps see the report of `look`.
const LOOKED: &str = "/.fal-look";
/// Where steps see what was fetched.
const FETCHED: &str = "/.fal-fetched";
/// Where steps write their report.
pub(super) const OUT: &str = "/.fal-out";
/// Where the copying step sees the image that carries a curl.
const CURL: &str = "/.fal-curl";
/// Where steps see the image that start nothing of it.
pub(super) const IMAGE: &str = "/image";

/// What makes the cache key of a step another one; no program sees it.
const REFRESH: &str = "FAL_REFRESH";

/// What the steps need to know.
#[derive(Debug)]
pub struct Layers {
    /// The file system of the frontend's image, which holds the helper.
    pub helper: Output,
    /// What to look for and what to do.
    pub request: Request,
    /// The image that `curl=image:` names, for the platform of the target.
    pub curl_image: Option<Output>,
    /// The platform that steps run on which start nothing of the image's.
    pub build_platform: pb::Platform,
    /// The platform of the image.
    pub target_platform: pb::Platform,
    /// The file system that the image begins with.
    pub base: Base,
    /// The variables of the image's ENV that say where packages come from and whom to trust, as `NAME=value`.
    pub environment: Vec<String>,
    /// Proxies, as the user's own steps get them.
    pub proxy: Option<ProxyEnv>,
    /// Hosts, as the user's own steps get them.
    pub extra_hosts: Vec<HostIp>,
    /// The network that the user's own steps get.
    pub network: NetMode,
    /// Whether the steps run even if their result is known.
    pub ignore_cache: bool,
    /// What no other build has.
    pub build: String,
    /// When a step runs again that installs something without an exact version.
    pub refresh: Refresh,
    /// Where the layers are asked for: the `# fal:` line, else the target's FROM.
    pub location: llb::Location,
    /// The platform as progress names it, when the result holds several.
    pub shown_platform: Option<String>,
    /// Whether the daemon has an LLB capability.
    pub has_content_cache: bool,
    /// Whether the daemon puts layers together; else files are copied.
    pub merges: bool,
}

/// What an image begins with: it stays the same when the user's files change.
#[derive(Debug, Default)]
pub struct Base {
    /// Its file system; `None` is scratch.
    pub root: Input,
    /// As [`Layers::environment`].
    pub environment: Vec<String>,
}

/// What a step stands on that starts programs of an image.
pub(super) struct Step<'a> {
    root: Input,
    environment: &'a [String],
    /// Whether it can install one version and no other.
    is_exact: bool,
}

/// What an installing step gives.
#[derive(Debug, Clone, Copy)]
pub struct Installed {
    /// The image.
    pub root: Input,
    /// The directory with the report.
    pub report: Output,
}

/// The variables of an image's ENV that steps need; a change of another leaves their cache key alone.
pub fn environment_of(image: &image::Config) -> Vec<String> {
    let useful =
        |pair: &&String| environment::is_useful(pair.split('=').next().unwrap_or_default());
    image.config.env.iter().filter(useful).cloned().collect()
}

/// The helper's program and its arguments.
pub(super) fn command(arguments: Vec<String>) -> Vec<String> {
    std::iter::once(MOUNTED.to_owned())
        .chain(arguments)
        .collect()
}

/// The helper, out of the frontend's image.
pub(super) fn helper(image: Output) -> Mount {
    Mount::bind(MOUNTED, image).select(HELPER).readonly()
}

/// What a step writes into its last mount: there is an output if that is a writable one and no cache.
pub(super) fn last_output(outputs: ExecOutputs) -> Option<Output> {
    outputs.mounts.into_iter().flatten().next_back()
}

impl Layers {
    /// Looks at a finished image.
    pub fn look(&self, graph: &mut Graph, image: Input, how: Look) -> Output {
        let exec = Exec {
            args: command(cli::look_arguments(IMAGE, OUT, how, &self.request)),
            cwd: "/".to_owned(),
            network: NetMode::None,
            mounts: vec![self.helper(), self.seen(image), Mount::bind(OUT, None)],
            ..Exec::default()
        };
        let meta = self.meta("look at the image", &self.build_platform);
        self.report_of(graph, exec, meta).report
    }

    /// The image, for a step that only reads it.
    pub(super) fn seen(&self, image: Input) -> Mount {
        let mut seen = Mount::bind(IMAGE, image);
        match image {
            // An empty file system cannot be mounted read-only.
            None => seen.no_output = true,
            Some(_) => seen.readonly = true,
        }
        if self.has_content_cache && image.is_some() {
            // The image's history is its key: hashing the files of a large image would take minutes.
            seen.content_cache = ContentCache::Off;
        }
        seen
    }

    /// Brings curl: out of the image that carries one, else with the image's package manager. With `is_ahead`, what that takes is fetched
    /// by a step of its own, which depends on the base alone.
    pub fn curl(
        &self,
        graph: &mut Graph,
        image: Input,
        looked: Output,
        is_ahead: bool,
    ) -> Installed {
        if let Some(from) = self.curl_image {
            return self.copy_curl(graph, image, looked, from);
        }
        let fetched = match is_ahead {
            true => self.fetch(graph),
            false => None,
        };
        let args = cli::curl_arguments(LOOKED, Some(OUT), fetched.map(|_| FETCHED));
        let mut mounts = vec![Mount::bind(LOOKED, looked).readonly()];
        mounts.extend(fetched.map(|fetched| Mount::bind(FETCHED, fetched).readonly()));
        let (exec, meta) = self.start(self.on(image, false), mounts, args, "install curl");
        self.report_of(graph, exec, meta)
    }

    /// Fetches on the base what installing curl takes.
    fn fetch(&self, graph: &mut Graph) -> Option<Output> {
        let base = self.on_base()?;
        let args = cli::fetch_arguments(OUT);
        let (exec, meta) = self.start(base, Vec::new(), args, "fetch curl");
        Some(self.report_of(graph, exec, meta).report)
    }

    /// Copies a curl, on the build platform: nothing of either image is started.
    fn copy_curl(
        &self,
        graph: &mut Graph,
        image: Input,
        looked: Output,
        from: Output,
    ) -> Installed {
        let exec = Exec {
            args: command(cli::curl_copy_arguments(LOOKED, OUT, IMAGE, CURL)),
            cwd: "/".to_owned(),
            network: NetMode::None,
            mounts: vec![
                self.helper(),
                Mount::bind(IMAGE, image),
                Mount::bind(CURL, from).readonly(),
                Mount::bind(LOOKED, looked).readonly(),
                Mount::bind(OUT, None),
            ],
            ..Exec::default()
        };
        let meta = self.meta("copy curl", &self.build_platform);
        let outputs = graph.add_exec(exec, meta);
        // The root of the step holds nothing; the image is what is mounted.
        let mut written = outputs.mounts.into_iter().flatten();
        Installed {
            root: written.next().or(image),
            report: written.next_back().unwrap_or(self.helper),
        }
    }

    /// Installs the packages that fal's runtime needs, and tries them.
    pub fn runtime(&self, graph: &mut Graph, image: Input, looked: Output) -> Installed {
        let names: Vec<&str> = self
            .request
            .packages
            .iter()
            .map(|package| package.name.as_str())
            .collect();
        let shown = format!("install {}", names.join(", "));
        let args = cli::runtime_arguments(LOOKED, OUT, None);
        let is_exact = self.request.packages.iter().all(Package::is_exact);
        let mounts = vec![Mount::bind(LOOKED, looked).readonly()];
        let (exec, meta) = self.start(self.on(image, is_exact), mounts, args, &shown);
        self.report_of(graph, exec, meta)
    }

    /// Imports the packages of a report, and gives the directory with what came of it. Nothing of the image is changed.
    pub fn import(&self, graph: &mut Graph, image: Input, report: &Report) -> Output {
        let args = cli::import_arguments(OUT, report);
        let (exec, meta) = self.start(self.on(image, true), Vec::new(), args, "import the runtime");
        // What is imported may want a folder for what is temporary.
        let exec = Exec {
            network: NetMode::None,
            ..exec
        };
        self.report_of(graph, exec, meta).report
    }

    /// Every step that the options allow, whether it will have something to do or not: what can be said before anything ran.
    pub fn all(&self, graph: &mut Graph, image: Input) -> Input {
        let looked = self.look(graph, image, Look::Plain);
        let with_curl = self.curl_if_allowed(graph, image, looked);
        let root = self.runtime_if_allowed(graph, with_curl, looked);
        match root == image {
            // No step that changes the image waits for the look, and it must fail the build all the same.
            true => self.after(graph, root, looked, "fal.look"),
            false => root,
        }
    }

    /// Brings curl if the options allow it.
    pub fn curl_if_allowed(&self, graph: &mut Graph, image: Input, looked: Output) -> Input {
        let brings_curl = match self.request.curl {
            Curl::Auto => true,
            Curl::Image => self.curl_image.is_some(),
            Curl::Verify | Curl::None => false,
        };
        match brings_curl {
            true => self.curl(graph, image, looked, true).root,
            false => image,
        }
    }

    /// Brings what fal's runtime needs if the options allow it.
    pub fn runtime_if_allowed(&self, graph: &mut Graph, image: Input, looked: Output) -> Input {
        match self.request.runtime.installs() && !self.request.packages.is_empty() {
            true => self.runtime(graph, image, looked).root,
            false => image,
        }
    }

    /// The image, once something else is there that nothing of it needs.
    pub fn after(&self, graph: &mut Graph, image: Input, awaited: Output, id: &str) -> Input {
        let wait = [
            llb::PassthroughInput {
                input: image,
                output: true,
            },
            llb::PassthroughInput {
                input: Some(awaited),
                output: false,
            },
        ];
        graph
            .passthrough(id, &wait, Meta::default())
            .first()
            .copied()
    }

    /// A step that starts programs of the image that it stands on.
    fn start(
        &self,
        step: Step<'_>,
        mounts: Vec<Mount>,
        args: Vec<String>,
        shown: &str,
    ) -> (Exec, Meta) {
        let (exec, meta) = self.process(step, shown);
        let mut all = vec![self.helper()];
        all.extend(mounts);
        all.push(Mount::bind(OUT, None));
        let exec = Exec {
            args: command(args),
            mounts: all,
            ..exec
        };
        (exec, meta)
    }

    /// The same with nothing to run yet, and nothing mounted.
    pub(super) fn process(&self, step: Step<'_>, shown: &str) -> (Exec, Meta) {
        let mut env = step.environment.to_vec();
        let mut meta = self.meta(shown, &self.target_platform);
        match &self.refresh {
            _ if step.is_exact => {}
            Refresh::Off => {}
            Refresh::Now => meta.ignore_cache = true,
            Refresh::When(word) => env.push(format!("{REFRESH}={word}")),
        }
        let exec = Exec {
            env: env.iter().map(|pair| pair.as_str().into()).collect(),
            cwd: "/".to_owned(),
            user: "0:0".to_owned(),
            proxy: self.proxy.clone(),
            extra_hosts: self.extra_hosts.clone(),
            network: self.network,
            root: step.root,
            ..Exec::default()
        };
        (exec, meta)
    }

    /// The same for one that asks nobody: what comes of it depends on nothing but what it stands on and what is mounted.
    pub(super) fn offline(&self, step: Step<'_>, shown: &str) -> (Exec, Meta) {
        let step = Step {
            is_exact: true,
            ..step
        };
        let (exec, meta) = self.process(step, shown);
        // Programs may not start without.
        let is_library = |pair: &&Arc<str>| pair.split('=').next() == Some(environment::LIBRARIES);
        let exec = Exec {
            env: exec.env.iter().filter(is_library).cloned().collect(),
            proxy: None,
            extra_hosts: Vec::new(),
            network: NetMode::None,
            ..exec
        };
        (exec, meta)
    }

    /// Lets a step that has caches run again by a word that no other build has, where it was to ignore what is known. The daemon empties
    /// every cache of a step that ignores it, whoever else uses them.
    pub(super) fn keep_caches(&self, exec: Exec, meta: &mut Meta) -> Exec {
        if !std::mem::take(&mut meta.ignore_cache) {
            return exec;
        }
        let word = format!("{REFRESH}={}", self.build).into();
        let env = exec.env.iter().cloned().chain([word]).collect();
        Exec { env, ..exec }
    }

    /// Adds a step whose last mount is the report's.
    fn report_of(&self, graph: &mut Graph, exec: Exec, meta: Meta) -> Installed {
        let outputs = graph.add_exec(exec, meta);
        Installed {
            root: outputs.root,
            report: last_output(outputs).unwrap_or(self.helper),
        }
    }

    /// On what the image begins with, if that is not scratch.
    pub(super) fn on_base(&self) -> Option<Step<'_>> {
        let root = Some(self.base.root?);
        Some(Step {
            root,
            environment: &self.base.environment,
            is_exact: false,
        })
    }

    /// On what the image begins with, whatever that is.
    pub(super) fn on_any_base(&self) -> Step<'_> {
        Step {
            root: self.base.root,
            environment: &self.base.environment,
            is_exact: false,
        }
    }

    pub(super) fn on(&self, image: Input, is_exact: bool) -> Step<'_> {
        Step {
            root: image,
            environment: &self.environment,
            is_exact,
        }
    }

    fn helper(&self) -> Mount {
        helper(self.helper)
    }

    pub(super) fn meta(&self, what: &str, platform: &pb::Platform) -> Meta {
        let platform_shown = self
            .shown_platform
            .as_ref()
            .map(|platform| format!("{platform} "))
            .unwrap_or_default();
        let mut meta = Meta::named(format!("[{platform_shown}fal] {what}"))
            .on(platform.clone())
            .at(self.location.clone());
        meta.ignore_cache = self.ignore_cache;
        meta
    }
}
