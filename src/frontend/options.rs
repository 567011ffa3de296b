//! The frontend's options, read once.
//!
//! Only this file knows names such as `build-arg:` and `context:`. Takes options by name, as the daemon passes them; gives
//! [`Options`], or one sentence about the first that cannot be read.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::{
    diagnostic::{Diagnostic, Result},
    gateway::CacheImport,
    golang::{self, csv},
    lint,
    llb::{
        exec::{NetMode, ProxyEnv},
        source::ResolveMode,
    },
    plan::{NoCache, RunSettings},
    proto::pb,
    reference::{
        image,
        platform::{self, Platform},
    },
    stage::Contexts,
};

/// The option that replaces the file's own `# check=`.
const CHECK: &str = "build-arg:BUILDKIT_DOCKERFILE_CHECK";

/// The arguments that win over the options `multi-platform` and `hostname`.
const MULTI_PLATFORM: &str = "build-arg:BUILDKIT_MULTI_PLATFORM";
const HOSTNAME: &str = "build-arg:BUILDKIT_SANDBOX_HOSTNAME";

/// The option that names another frontend.
pub(crate) const SYNTAX: &str = "build-arg:BUILDKIT_SYNTAX";

/// What the client asks of the frontend.
#[derive(Debug)]
pub(crate) struct Options {
    /// Every option as given: for who reads options of his own, and for another frontend.
    given: BTreeMap<String, String>,
    /// `frontend.caps`: what the frontend must be able to do.
    pub(crate) capabilities: String,
    /// `cmdline`: the line that chose this frontend, if one did.
    pub(crate) cmdline: Option<String>,
    /// `source`: the image that this frontend runs from, as the client names it.
    pub(crate) source: Option<String>,
    /// `build-arg:BUILDKIT_SYNTAX`: another frontend to hand the request to.
    pub(crate) syntax: Option<String>,
    /// `filename`.
    pub(crate) filename: String,
    /// `dockerfilekey`: the directory of the client that has the Dockerfile, whatever the context is.
    pub(crate) dockerfile_local: Option<String>,
    /// `context`, or the option that `contextkey` names instead: where the main context is, when it is no directory of the client.
    pub(crate) context: String,
    /// `contextsubdir`: what of it is the context.
    pub(crate) context_directory: Option<String>,
    /// What is asked of a main context that is a repository.
    pub(crate) git: GitContext,
    /// `target`.
    pub(crate) target: Option<String>,
    /// `requestid`: a subrequest instead of a build.
    pub(crate) request: Option<String>,
    /// `platform`, in order; empty when nobody asked for one.
    pub(crate) platforms: Vec<Platform>,
    /// Whether the result holds a file system for each platform.
    pub(crate) is_multi_platform: bool,
    /// `build-arg:NAME`.
    pub(crate) build_args: BTreeMap<String, String>,
    /// `label:NAME`.
    pub(crate) labels: BTreeMap<String, String>,
    /// `context:NAME`.
    pub(crate) contexts: Contexts,
    /// `input-metadata:NAME`.
    pub(crate) input_metadata: BTreeMap<String, String>,
    /// `local-sessionid:NAME`.
    pub(crate) local_sessions: BTreeMap<String, String>,
    /// `sharedkey:localdir:NAME`.
    pub(crate) shared_keys: BTreeMap<String, String>,
    /// `no-cache`.
    pub(crate) no_cache: NoCache,
    /// `image-resolve-mode`.
    pub(crate) resolve_mode: ResolveMode,
    /// What every RUN gets.
    pub(crate) run: RunSettings,
    /// `BUILDKIT_CACHE_MOUNT_NS`.
    pub(crate) cache_mount_namespace: String,
    /// `build-arg:BUILDKIT_DOCKERFILE_CHECK`, instead of the file's own `# check=`.
    pub(crate) lint: Option<lint::Config>,
    /// `attest:sbom`.
    pub(crate) sbom: Option<Sbom>,
    /// `cache-imports` and `cache-from`: type and attributes of each.
    pub(crate) cache_imports: Vec<CacheImport>,
}

/// What is asked of a main context that is a repository.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct GitContext {
    /// `build-arg:BUILDKIT_CONTEXT_KEEP_GIT_DIR`: `.git` stays.
    pub(crate) keeps_git_dir: bool,
    /// `build-arg:SOURCE_DATE_EPOCH`, to whatever: files have the time of the commit.
    pub(crate) is_dated: bool,
}

/// What lists the contents of the result.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Sbom {
    /// The image of the scanner.
    pub(crate) generator: String,
    /// What the scanner is told beside.
    pub(crate) parameters: BTreeMap<String, String>,
}

impl Options {
    /// Reads what the daemon passed.
    pub(crate) fn read(given: BTreeMap<String, String>) -> Result<Self> {
        refuse_removed(&given)?;
        let text = |name: &str| given.get(name).map(String::as_str).unwrap_or_default();
        let platforms = platforms(text("platform"))?;
        let resolve_mode = resolve_mode(text("image-resolve-mode"))?;
        let run = run_settings(&given)?;
        let no_cache = match given.get("no-cache").map(String::as_str) {
            None => NoCache::No,
            Some("") => NoCache::All,
            Some(names) => NoCache::Stages(names.split(',').map(str::to_owned).collect()),
        };
        let is_multi_platform = multi_platform(&given, platforms.len() > 1)?;
        let cache_imports = cache_imports(text("cache-imports"), text("cache-from"))?;
        let sbom = sbom(&given)?;
        let lint = given
            .get(CHECK)
            .map(|check| lint::Config::read(check))
            .transpose();
        let lint = lint.map_err(|error| error.context(&format!("failed to parse {CHECK}")))?;
        let filename = given
            .get("filename")
            .cloned()
            .unwrap_or_else(|| "Dockerfile".to_owned());
        let flag = |name: &str| golang::parse_bool(text(name)) == Some(true);
        let git = GitContext {
            keeps_git_dir: flag("build-arg:BUILDKIT_CONTEXT_KEEP_GIT_DIR"),
            is_dated: !text("build-arg:SOURCE_DATE_EPOCH").is_empty(),
        };
        let context = given.get("contextkey").map_or("context", String::as_str);
        Ok(Self {
            capabilities: text("frontend.caps").to_owned(),
            cmdline: given.get("cmdline").cloned(),
            source: given.get("source").cloned(),
            syntax: given.get(SYNTAX).cloned(),
            filename,
            dockerfile_local: given.get("dockerfilekey").cloned(),
            context: text(context).to_owned(),
            context_directory: given.get("contextsubdir").cloned(),
            git,
            target: Some(text("target"))
                .filter(|target| !target.is_empty())
                .map(str::to_owned),
            request: given.get("requestid").cloned(),
            platforms,
            is_multi_platform,
            build_args: prefixed(&given, "build-arg:"),
            labels: prefixed(&given, "label:"),
            contexts: Contexts::new(prefixed(&given, "context:")),
            input_metadata: prefixed(&given, "input-metadata:"),
            local_sessions: prefixed(&given, "local-sessionid:"),
            shared_keys: prefixed(&given, "sharedkey:localdir:"),
            no_cache,
            resolve_mode,
            run,
            cache_mount_namespace: text("build-arg:BUILDKIT_CACHE_MOUNT_NS").to_owned(),
            lint,
            sbom,
            cache_imports,
            given,
        })
    }

    /// Every option as given, for who reads options of his own.
    pub(crate) fn given(&self) -> &BTreeMap<String, String> {
        &self.given
    }

    /// The same with what a file says that is no Dockerfile: these arguments, unless the client gave others, and no target if that chose
    /// something else than a stage.
    pub(crate) fn with_manifest(
        &self,
        build_args: &BTreeMap<String, String>,
        target_is_stage: bool,
    ) -> Result<Self> {
        let mut given = self.given.clone();
        for (name, value) in build_args {
            let option = format!("build-arg:{name}");
            given.entry(option).or_insert_with(|| value.clone());
        }
        if !target_is_stage {
            given.remove("target");
        }
        Self::read(given)
    }

    /// The options for another frontend, which `cmdline` chose.
    pub(crate) fn for_another(&self, image: &str, cmdline: &str) -> BTreeMap<String, String> {
        let mut options = self.given.clone();
        options.insert("cmdline".to_owned(), cmdline.to_owned());
        options.insert("source".to_owned(), image.to_owned());
        // What an argument says instead of an option, the other is told as that option.
        for (argument, option) in [(MULTI_PLATFORM, "multi-platform"), (HOSTNAME, "hostname")] {
            if let Some(value) = self.given.get(argument).filter(|value| !value.is_empty()) {
                options.insert(option.to_owned(), value.clone());
            }
        }
        options
    }

    /// The session that serves a local directory.
    pub(crate) fn session_of<'a>(&'a self, local: &str, default: &'a str) -> &'a str {
        self.local_sessions
            .get(local)
            .map_or(default, String::as_str)
    }
}

fn error(message: impl Into<String>) -> Box<Diagnostic> {
    Box::new(Diagnostic::error(message.into()))
}

fn prefixed(given: &BTreeMap<String, String>, prefix: &str) -> BTreeMap<String, String> {
    let stripped = |(name, value): (&String, &String)| {
        Some((name.strip_prefix(prefix)?.to_owned(), value.clone()))
    };
    given.iter().filter_map(stripped).collect()
}

/// What BuildKit had once and has no more.
fn refuse_removed(given: &BTreeMap<String, String>) -> Result<()> {
    if given
        .get("override-copy-image")
        .is_some_and(|value| !value.is_empty())
    {
        return Err(error(
            "support for \"override-copy-image\" was removed in BuildKit 0.11",
        ));
    }
    let disabled = given
        .get("build-arg:BUILDKIT_DISABLE_FILEOP")
        .and_then(|value| golang::parse_bool(value));
    match disabled {
        Some(true) => Err(error(
            "support for \"BUILDKIT_DISABLE_FILEOP\" build-arg was removed in BuildKit 0.11",
        )),
        _ => Ok(()),
    }
}

/// What is to be attested, by `attest:KIND` or by an argument `BUILDKIT_ATTEST_KIND`. The daemon makes provenance by itself.
fn sbom(given: &BTreeMap<String, String>) -> Result<Option<Sbom>> {
    const DEFAULT: &str = "docker/buildkit-syft-scanner:stable-1";
    let mut kinds = BTreeMap::new();
    for (name, value) in given {
        let kind = name
            .strip_prefix("attest:")
            .or_else(|| name.strip_prefix("build-arg:BUILDKIT_ATTEST_"));
        if let Some(kind) = kind {
            kinds.insert(golang::to_lower(kind), value.as_str());
        }
    }
    let mut attributes = BTreeMap::new();
    for (kind, value) in &kinds {
        let fields = match *value {
            "" => Vec::new(),
            value => {
                csv::fields(value).map_err(|why| error(format!("failed to parse {kind}: {why}")))?
            }
        };
        if kind == "sbom" {
            attributes.insert("generator".to_owned(), DEFAULT.to_owned());
            attributes.extend(fields.iter().map(|field| {
                let (name, value) = field.split_once('=').unwrap_or((field, ""));
                (name.to_owned(), value.to_owned())
            }));
        }
    }
    let known = |kind: &String| kind == "sbom" || kind == "provenance";
    if let Some(kind) = kinds.keys().find(|kind| !known(kind)) {
        let kind = golang::quote(kind);
        return Err(error(format!("unknown attestation type {kind}")));
    }
    let Some(generator) = attributes.remove("generator") else {
        return Ok(None);
    };
    let generator = image::parse_normalized(&generator)
        .map_err(|why| error(format!("failed to parse sbom scanner {generator}: {why}")))?;
    Ok(Some(Sbom {
        generator: generator.tag_name_only().to_string(),
        parameters: attributes,
    }))
}

fn platforms(list: &str) -> Result<Vec<Platform>> {
    if list.is_empty() {
        return Ok(Vec::new());
    }
    let one = |name: &str| match platform::parse(name) {
        Ok(platform) => Ok(platform.normalize()),
        Err(why) => Err(error(format!(
            "failed to parse target platform {name}: {why}"
        ))),
    };
    list.split(',').map(one).collect()
}

fn resolve_mode(mode: &str) -> Result<ResolveMode> {
    match mode {
        "" | "default" => Ok(ResolveMode::Default),
        "pull" => Ok(ResolveMode::ForcePull),
        "local" => Ok(ResolveMode::PreferLocal),
        other => Err(error(format!("invalid image-resolve-mode: {other}"))),
    }
}

fn multi_platform(given: &BTreeMap<String, String>, several: bool) -> Result<bool> {
    let text = |name: &str| given.get(name).filter(|value| !value.is_empty());
    let Some(value) = text(MULTI_PLATFORM).or_else(|| text("multi-platform")) else {
        return Ok(several);
    };
    match golang::parse_bool(value) {
        None => Err(error(format!(
            "invalid boolean value for multi-platform: {value}"
        ))),
        Some(false) if several => Err(error(
            "conflicting config: returning multiple target platforms is not allowed",
        )),
        Some(wanted) => Ok(wanted),
    }
}

fn cache_imports(json: &str, references: &str) -> Result<Vec<CacheImport>> {
    let mut imports = Vec::new();
    if !json.is_empty() {
        let refuse = |why: String| {
            error(format!(
                "failed to unmarshal cache-imports ({}): {why}",
                golang::quote(json)
            ))
        };
        crate::image::check_json(json.as_bytes()).map_err(|why| refuse(why.to_string()))?;
        let list: Option<Vec<Map<String, Value>>> =
            serde_json::from_str(json).map_err(|why| refuse(why.to_string()))?;
        for entry in list.unwrap_or_default() {
            imports.push(cache_import(entry).map_err(|why| refuse(why.to_string()))?);
        }
    }
    if !references.is_empty() {
        imports.extend(references.split(',').map(|reference| CacheImport {
            kind: "registry".to_owned(),
            attrs: BTreeMap::from([("ref".to_owned(), reference.to_owned())]),
        }));
    }
    Ok(imports)
}

/// An entry of `cache-imports`. Names match in any case, unknown ones are passed over, and `null` says nothing.
fn cache_import(entry: Map<String, Value>) -> serde_json::Result<CacheImport> {
    let mut import = CacheImport::default();
    for (name, value) in entry {
        if value.is_null() {
            continue;
        }
        if golang::equal_fold(&name, "Type") {
            import.kind = serde_json::from_value(value)?;
        } else if golang::equal_fold(&name, "Attrs") {
            let attributes: BTreeMap<String, Option<String>> = serde_json::from_value(value)?;
            let given = |(name, value): (String, Option<String>)| (name, value.unwrap_or_default());
            import.attrs.extend(attributes.into_iter().map(given));
        }
    }
    Ok(import)
}

fn run_settings(given: &BTreeMap<String, String>) -> Result<RunSettings> {
    let text = |name: &str| given.get(name).map(String::as_str).unwrap_or_default();
    let hostname = match text(HOSTNAME) {
        "" => text("hostname"),
        hostname => hostname,
    };
    Ok(RunSettings {
        extra_hosts: extra_hosts(text("add-hosts"))
            .map_err(|why| error(format!("failed to parse additional hosts: {why}")))?,
        shm_size: shm_size(text("shm-size"))
            .map_err(|why| error(format!("failed to parse shm size: {why}")))?,
        ulimits: ulimits(text("ulimit"))
            .map_err(|why| error(format!("failed to parse ulimit: {why}")))?,
        resources: resources(given)
            .map_err(|why| error(format!("failed to parse resource limits: {why}")))?,
        network: match text("force-network-mode") {
            "" | "sandbox" => NetMode::Unset,
            "none" => NetMode::None,
            "host" => NetMode::Host,
            other => return Err(error(format!("invalid netmode {other}"))),
        },
        cgroup_parent: text("cgroup-parent").to_owned(),
        hostname: hostname.to_owned(),
        proxy: proxy(given),
    })
}

fn extra_hosts(list: &str) -> std::result::Result<Vec<(String, std::net::IpAddr)>, String> {
    if list.is_empty() {
        return Ok(Vec::new());
    }
    let one = |field: &String| {
        let lower = golang::to_lower(field);
        let Some((host, address)) = lower.split_once('=') else {
            return Err(format!("invalid key-value pair {field}"));
        };
        let address =
            golang::parse_ip(address).ok_or_else(|| format!("failed to parse IP {address}"))?;
        Ok((host.to_owned(), address))
    };
    csv::fields(list)?.iter().map(one).collect()
}

fn shm_size(size: &str) -> std::result::Result<i64, String> {
    if size.is_empty() {
        Ok(0)
    } else {
        golang::parse_int(size, 10, 64)
    }
}

fn ulimits(list: &str) -> std::result::Result<Vec<golang::Ulimit>, String> {
    if list.is_empty() {
        return Ok(Vec::new());
    }
    csv::fields(list)?
        .iter()
        .map(|field| golang::parse_ulimit(field))
        .collect()
}

fn resources(
    given: &BTreeMap<String, String>,
) -> std::result::Result<Option<pb::LinuxResources>, String> {
    let text = |name: &str| {
        given
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    };
    let number = |name: &str, is_valid: fn(i64) -> bool, must: &str| match text(name) {
        None => Ok(0),
        Some(value) => match golang::parse_int(value, 10, 64) {
            Err(why) => Err(format!("invalid {name} value: {value}: {why}")),
            Ok(number) if is_valid(number) => Ok(number),
            Ok(_) => Err(format!("invalid {name} value: {value}: must be {must}")),
        },
    };
    let count = |name: &str| match text(name) {
        None => Ok(0),
        Some(value) => match golang::parse_uint(value, 10, 64) {
            Err(why) => Err(format!("invalid {name} value: {value}: {why}")),
            Ok(0) => Err(format!("invalid {name} value: {value}: must be > 0")),
            Ok(number) => Ok(number),
        },
    };
    let set = |name: &str| match text(name) {
        None => Ok(String::new()),
        Some(value) => match check_cpu_set(value) {
            Err(why) => Err(format!("invalid {name} value: {value}: {why}")),
            Ok(()) => Ok(value.to_owned()),
        },
    };
    let resources = pb::LinuxResources {
        memory: number("memory", |number| number > 0, "> 0")?,
        memory_swap: number(
            "memswap",
            |number| number >= -1 && number != 0,
            "-1 (unlimited) or > 0",
        )?,
        cpu_shares: count("cpushares")?,
        cpu_period: count("cpuperiod")?,
        cpu_quota: number("cpuquota", |number| number > 0, "> 0")?,
        cpuset_cpus: set("cpusetcpus")?,
        cpuset_mems: set("cpusetmems")?,
    };
    Ok((resources != pb::LinuxResources::default()).then_some(resources))
}

/// `0-3,5`: numbers and ranges up to the most that BuildKit takes.
fn check_cpu_set(list: &str) -> std::result::Result<(), String> {
    const MOST: i64 = 8192;
    for part in list
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
    {
        let quoted = golang::quote(part);
        let number = |text: &str| golang::atoi(text.trim()).ok().filter(|number| *number >= 0);
        match part.split_once('-') {
            None => match golang::atoi(part).ok().filter(|number| *number >= 0) {
                None => return Err(format!("invalid cpuset element {quoted}")),
                Some(number) if number > MOST => {
                    return Err(format!("cpuset element {quoted} exceeds maximum {MOST}"));
                }
                Some(_) => {}
            },
            Some((low, high)) => match (number(low), number(high)) {
                (Some(low), Some(high)) if high < low => {
                    return Err(format!("invalid cpuset range {quoted}"));
                }
                (Some(_), Some(high)) if high > MOST => {
                    return Err(format!("cpuset range {quoted} exceeds maximum {MOST}"));
                }
                (Some(_), Some(_)) => {}
                _ => return Err(format!("invalid cpuset range {quoted}")),
            },
        }
    }
    Ok(())
}

/// Proxies among the build arguments, whatever their case; of two spellings the later in byte order wins.
fn proxy(given: &BTreeMap<String, String>) -> Option<ProxyEnv> {
    let mut proxy = ProxyEnv::default();
    let mut found = false;
    for (name, value) in prefixed(given, "build-arg:") {
        if let Some(proxy) = proxy.named(&name) {
            *proxy = value;
            found = true;
        }
    }
    found.then_some(proxy)
}
