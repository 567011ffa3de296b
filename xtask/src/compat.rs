//! The same builds on the BuildKits that people have.
//!
//! Our image builds the examples of `tests/cache` and one with the fal layers, and fails a step, on
//! releases of BuildKit from three years and inside the oldest Docker Engine that is still packaged.
//! What one daemon put into a registry's cache is cached for another, and `fal.key` is the same on both; requirements that both build for
//! themselves have the same layers, to the byte.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::{
    buildkit::{Build, Buildkit},
    image::{self, Flavour},
    process::Run,
    stack::{self, Stack, buildkitd, dockerd},
    tools, workspace,
};

/// Where builds run.
struct Place {
    name: &'static str,
    kind: Kind,
    /// Examples that need what was not there yet, and what the refusal says.
    refuses: &'static [(&'static str, &'static str)],
}

#[derive(Clone, Copy)]
enum Kind {
    /// The stack's own daemon.
    Stack,
    /// Another release.
    Buildkit,
    Docker,
    /// A second daemon of the stack's release, which has nothing but the cache that the first exports.
    Second,
}

const PLACES: [Place; 5] = [
    Place {
        name: "buildkitd",
        kind: Kind::Stack,
        refuses: &[],
    },
    Place {
        name: "buildkit-v0.17",
        kind: Kind::Buildkit,
        refuses: &[],
    },
    Place {
        name: "buildkit-v0.13",
        kind: Kind::Buildkit,
        refuses: &[],
    },
    Place {
        name: "dockerd",
        kind: Kind::Docker,
        refuses: &[("mounts", "is not supported by build server")],
    },
    Place {
        name: "second-buildkitd",
        kind: Kind::Second,
        refuses: &[],
    },
];

/// The example with the fal layers; the names of others with them begin with it.
const FAL: &str = "fal";

/// Wheels of all kinds: one that has a layer of its own, some that share theirs, with scripts, data, header files and byte code.
const WHEELS: &str = "\
# fal: runtime=none curl=none requirements=\"cmake==3.29.2 greenlet==3.0.3 fonttools==4.51.0 charset-normalizer==3.3.2 six==1.16.0 \
--compile-bytecode\"
FROM python:3.11-slim
";

/// What to build with.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Only the places whose names contain one of these
    #[arg(value_name = "PLACE")]
    filters: Vec<String>,
    /// These images in the stack's registry instead of ours: the one for Dockerfiles, the one for fal
    #[arg(long, value_name = "REF", num_args = 2)]
    frontends: Option<Vec<String>>,
}

/// The layers of an image.
#[derive(Debug, PartialEq)]
struct Layers {
    /// The digests of what is in the registry.
    packed: Vec<Value>,
    /// The digests of what comes out of that.
    unpacked: Vec<Value>,
}

impl Layers {
    /// Asks the registry.
    fn of(image: &str) -> Result<Self> {
        let ask = |what: &str| -> Result<Value> {
            let mut skopeo = Command::new("skopeo");
            let asked = skopeo.args(["inspect", "--tls-verify=false", what]);
            let answer = asked.arg(format!("docker://{image}")).read()?;
            Ok(serde_json::from_str(&answer)?)
        };
        let (manifest, config) = (ask("--raw")?, ask("--config")?);
        let packed = manifest["layers"].as_array().context("no layers")?.iter();
        let unpacked = config["rootfs"]["diff_ids"].as_array();
        Ok(Self {
            packed: packed.map(|layer| layer["digest"].clone()).collect(),
            unpacked: unpacked.context("no layers")?.clone(),
        })
    }
}

/// One build.
struct Example {
    name: String,
    folder: PathBuf,
    options: Vec<(String, String)>,
    frontend: String,
    /// What the error says, where the build must fail.
    refused: Option<String>,
}

/// `cargo xtask compat`: fails unless every build ends as it should, everywhere.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let stack = stack::up()?;
    let (dockerfile, fal) = match arguments.frontends.as_deref() {
        Some([dockerfile, fal]) => (dockerfile.clone(), fal.clone()),
        _ => (
            image::push_to_stack(&stack, Flavour::Dockerfile)?,
            image::push_to_stack(&stack, Flavour::Fal)?,
        ),
    };
    let mut examples = examples(&dockerfile)?;
    examples.push(Example {
        name: FAL.to_owned(),
        folder: workspace::root().join("examples/base-python"),
        options: Vec::new(),
        frontend: fal.clone(),
        refused: None,
    });
    examples.push(requirements(&fal)?);
    // Its name has files in it.
    let server = [("FAL_MODE", "server"), ("FAL_CURL", "none")];
    let server = server.map(|(key, value)| (format!("build-arg:{key}"), value.to_owned()));
    examples.push(Example {
        name: format!("{FAL} with files"),
        folder: workspace::root().join("tests/cache/trees"),
        options: server.into(),
        frontend: fal,
        refused: None,
    });
    examples.push(failing(&dockerfile)?);

    let mut failures = 0;
    for place in &PLACES {
        let wanted = |filter: &String| place.name.contains(filter.as_str());
        if arguments.filters.is_empty() || arguments.filters.iter().any(wanted) {
            failures += place.judge(&stack, &examples)?;
        }
    }
    if failures > 0 {
        bail!("{failures} builds did not end as they should");
    }
    Ok(())
}

impl Place {
    /// Builds everything, and counts what did not end as it should.
    fn judge(&self, stack: &Stack, examples: &[Example]) -> Result<usize> {
        let buildctl = |host: &str| {
            self.all(examples, |example| {
                Ok(example.buildctl(stack, host, "plain"))
            })
        };
        match self.kind {
            Kind::Stack => buildctl(&stack.buildkit_host),
            Kind::Buildkit => {
                let program = tools::other_buildkitd(self.name)?;
                buildkitd::during(self.name, &program, stack, buildctl)
            }
            Kind::Second => {
                let program = stack.tools.path("buildkitd");
                buildkitd::during(self.name, &program, stack, |second| {
                    let wheels = self.same_wheels(stack, examples, second)?;
                    Ok(wheels + self.shared_cache(stack, examples, second)?)
                })
            }
            Kind::Docker => dockerd::during(stack, |docker| {
                self.all(examples, |example| {
                    let folder = with_syntax_line(example)?;
                    let mut command = docker.build(&folder);
                    // Docker has other names for the other options.
                    for (key, value) in &example.options {
                        if let Some(name) = key.strip_prefix("build-arg:") {
                            command.args(["--build-arg", &format!("{name}={value}")]);
                        }
                    }
                    Ok(command)
                })
            }),
        }
    }

    /// Builds requirements on the stack's daemon and here, where nothing of them is: all layers must be the same, packed and unpacked.
    fn same_wheels(&self, stack: &Stack, examples: &[Example], second: &str) -> Result<usize> {
        let fal = examples.iter().find(|example| example.name == FAL);
        let frontend = &fal.context("no example for fal")?.frontend;
        let folder = place("wheels")?;
        fs::write(folder.join("Dockerfile"), WHEELS)?;
        let layers = |name: &str, host: &str| -> Result<Layers> {
            let image = format!("{}/compat/wheels-{name}:latest", stack.registry);
            let build = Build::dockerfile(&folder, &folder).through(frontend);
            let build = build.output(&format!("type=image,name={image},push=true"));
            let metadata =
                Buildkit::new(stack.tools.path("buildctl"), host).build_quietly(&build)?;
            if !metadata["frontend.fal.lock"].is_string() {
                bail!("the requirements of {image} are no wheels: {metadata}");
            }
            Layers::of(&image)
        };
        let (first, second) = (
            layers("first", &stack.buildkit_host)?,
            layers("second", second)?,
        );
        let is_right = first == second;
        let verdict = if is_right { "same" } else { "WRONG" };
        println!(
            "{:<16} {verdict:<8} {} layers with wheels",
            self.name,
            first.packed.len()
        );
        if !is_right {
            println!("{first:#?}\n{second:#?}");
        }
        Ok(usize::from(!is_right))
    }

    /// Builds on the stack's daemon with a cache in the registry, and then here from it: every step must be there, and where the
    /// result has a name for fal it must be the same.
    fn shared_cache(&self, stack: &Stack, examples: &[Example], second: &str) -> Result<usize> {
        let mut failures = 0;
        for example in examples.iter().filter(|example| example.refused.is_none()) {
            let cache = format!(
                "type=registry,ref={}/cache/{}",
                stack.registry,
                example.name.replace(' ', "-")
            );
            let mut first = example.buildctl(stack, &stack.buildkit_host, "plain");
            first.args(["--export-cache", &format!("{cache},mode=max")]);
            let keys = place("keys")?;
            let [ours, other] = ["ours", "other"].map(|name| keys.join(name));
            first.arg("--metadata-file").arg(&ours);
            let exported = first.stdin(Stdio::null()).output()?;
            let mut second = example.buildctl(stack, second, "rawjson");
            second.args(["--import-cache", &cache]);
            second.arg("--metadata-file").arg(&other);
            let imported = second.stdin(Stdio::null()).output()?;
            let log = String::from_utf8_lossy(&imported.stderr);
            let steps = steps(&log);
            let is_right = exported.status.success()
                && imported.status.success()
                && fal_key(&ours) == fal_key(&other)
                && fal_key(&ours).is_some() == example.name.starts_with(FAL)
                && !steps.is_empty()
                && steps.values().all(|cached| *cached);
            let verdict = if is_right { "cached" } else { "WRONG" };
            println!("{:<16} {verdict:<8} {}", self.name, example.name);
            if !is_right {
                failures += 1;
                println!("{}", String::from_utf8_lossy(&exported.stderr).trim_end());
                println!("{}", log.trim_end());
            }
        }
        Ok(failures)
    }

    fn all(
        &self,
        examples: &[Example],
        build: impl Fn(&Example) -> Result<Command>,
    ) -> Result<usize> {
        let mut failures = 0;
        for example in examples {
            let refused = self.refuses.iter().find(|(name, _)| *name == example.name);
            let refused = refused.map(|(_, why)| *why).or(example.refused.as_deref());
            let output = build(example)?
                .stdin(Stdio::null())
                .output()
                .context("cannot start the client")?;
            let log = String::from_utf8_lossy(&output.stderr);
            let is_right = match refused {
                None => output.status.success(),
                Some(why) => !output.status.success() && log.contains(why),
            };
            let verdict = match (is_right, refused) {
                (true, None) => "built",
                (true, Some(_)) => "refused",
                (false, _) => "WRONG",
            };
            println!("{:<16} {verdict:<8} {}", self.name, example.name);
            if !is_right {
                failures += 1;
                println!("{}", log.trim_end());
            }
        }
        Ok(failures)
    }
}

impl Example {
    /// The build of it on a daemon.
    fn buildctl(&self, stack: &Stack, host: &str, progress: &str) -> Command {
        let mut command = Command::new(stack.tools.path("buildctl"));
        command
            .args(["--addr", host, "build", "--progress", progress])
            .args(["--frontend", "gateway.v0", "--opt"])
            .arg(format!("source={}", self.frontend));
        for local in ["context", "dockerfile"] {
            let folder = self.folder.display();
            command.args(["--local", &format!("{local}={folder}")]);
        }
        for (key, value) in &self.options {
            command.args(["--opt", &format!("{key}={value}")]);
        }
        command
    }
}

/// `fal.key` in a metadata file.
fn fal_key(metadata: &Path) -> Option<String> {
    let metadata: Value = serde_json::from_slice(&fs::read(metadata).ok()?).ok()?;
    Some(metadata["frontend.fal.key"].as_str()?.to_owned())
}

/// The numbered steps in raw progress, by their digests, and whether each came from the cache: a layer that is fetched for one shows as
/// work on it all the same. Base images are none.
fn steps(log: &str) -> BTreeMap<String, bool> {
    let mut steps = BTreeMap::new();
    let progress = log
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok());
    for progress in progress {
        let progress: Value = progress;
        let vertexes = progress["vertexes"].as_array().into_iter().flatten();
        for vertex in vertexes {
            let shown = vertex["name"].as_str().unwrap_or_default();
            let name = shown.strip_prefix('[').and_then(|it| it.split_once("] "));
            if name.is_some_and(|(place, command)| {
                place.contains('/') && !command.starts_with("FROM ")
            }) {
                let digest = vertex["digest"].as_str().unwrap_or_default();
                *steps.entry(digest.to_owned()).or_insert(false) |= vertex["cached"] == true;
            }
        }
    }
    steps
}

/// The examples of `tests/cache`, which nothing was built of before.
fn examples(frontend: &str) -> Result<Vec<Example>> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos();
    let mut examples = Vec::new();
    for entry in fs::read_dir(workspace::root().join("tests/cache"))? {
        let folder = entry?.path();
        let written = fs::read_to_string(folder.join("options")).unwrap_or_default();
        let pairs = written.lines().filter_map(|line| line.split_once('='));
        let mut options = vec![("build-arg:STAMP".to_owned(), now.to_string())];
        options.extend(pairs.map(|(key, value)| (key.to_owned(), value.to_owned())));
        let name = folder.file_name().unwrap_or_default();
        examples.push(Example {
            name: name.to_string_lossy().into_owned(),
            folder,
            options,
            frontend: frontend.to_owned(),
            refused: None,
        });
    }
    examples.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(examples)
}

/// Requirements as wheels, one of which comes in the place of what the image has: Docker cannot merge their layers.
fn requirements(frontend: &str) -> Result<Example> {
    let folder = place("requirements")?;
    fs::write(
        folder.join("Dockerfile"),
        "# fal: runtime=none curl=none requirements=\"six==1.17.0 greenlet==3.0.3\"\n\
         FROM python:3.11-slim\nRUN pip install --no-cache-dir six==1.16.0\n",
    )?;
    Ok(Example {
        name: format!("{FAL} with requirements"),
        folder,
        options: Vec::new(),
        frontend: frontend.to_owned(),
        refused: None,
    })
}

/// A build that fails as builds do.
fn failing(frontend: &str) -> Result<Example> {
    let folder = place("failing")?;
    fs::write(
        folder.join("Dockerfile"),
        "FROM busybox:latest\nRUN exit 3\n",
    )?;
    Ok(Example {
        name: "a step that fails".to_owned(),
        folder,
        options: Vec::new(),
        frontend: frontend.to_owned(),
        refused: Some("exit code: 3".to_owned()),
    })
}

/// A copy whose first line names the frontend, which is the only way to it inside Docker.
fn with_syntax_line(example: &Example) -> Result<PathBuf> {
    let folder = place("docker")?;
    Command::new("cp")
        .arg("-a")
        .arg(format!("{}/.", example.folder.display()))
        .arg(&folder)
        .status()?;
    let written = fs::read_to_string(example.folder.join("Dockerfile"))?;
    let text = format!("# syntax={}\n{written}", example.frontend);
    fs::write(folder.join("Dockerfile"), text)?;
    Ok(folder)
}

/// An empty folder.
fn place(name: &str) -> Result<PathBuf> {
    let folder: &Path = &workspace::target().join("compat").join(name);
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder)?;
    Ok(folder.to_owned())
}
