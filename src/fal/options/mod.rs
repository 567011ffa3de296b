//! What a user asks of the fal layers: [`KEYS`] lists it all.
//!
//! Takes the comments of a Dockerfile, frontend options, build arguments and the environment of the frontend image;
//! gives [`Options`], and where each of them comes from. Knows nothing of what is done about them.
//!
//! The same key can be said in five places. The first that says it is right:
//!
//! ```text
//! --opt fal.secret-cache=off          frontend option
//! --build-arg FAL_SECRET_CACHE=off    build argument
//! # fal: secret-cache=off             comment
//! python_version = "3.11"             what a pyproject.toml or a ContainerImage says, as `python=3.11`
//! ENV FAL_SECRET_CACHE=off            environment of the frontend image
//! ```

use std::{
    collections::{BTreeMap, btree_map::Entry},
    fmt,
    mem::discriminant,
};

use crate::{
    diagnostic::{Diagnostic, Result},
    fal::pins,
    reference::image::Reference,
    source::Lines,
};

mod comment; // `# fal: key=value`
mod keys; // what can be asked for
mod messages;

use comment::Pair;
pub use keys::{KEYS, Key, find};

/// What a user asked for, in any of the places.
#[derive(Debug, Clone, Copy)]
pub struct Given<'a> {
    /// The comments above the first instruction, without their `#`.
    pub comments: &'a [(Lines, String)],
    /// What follows from a file that is no Dockerfile: keys and their values.
    pub manifest: &'a [(&'static str, String)],
    /// All frontend options; those that do not begin with `fal.` are someone else's.
    pub options: &'a BTreeMap<String, String>,
    /// All build arguments. Only those that a key names are ours: a user may have an `ARG FAL_TOKEN`.
    pub build_arguments: &'a BTreeMap<String, String>,
    /// The environment of the frontend, which is that of its image.
    pub environment: &'a BTreeMap<String, String>,
}

/// What was asked for, one field a key of [`KEYS`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the sentences stand in KEYS")]
pub struct Options {
    pub mode: Mode,
    pub curl: Curl,
    pub runtime: Runtime,
    pub pins: Vec<Pin>,
    pub python: Option<Minor>,
    pub requirements: Vec<Requirements>,
    pub resolver: Resolver,
    pub wheels: bool,
    pub port: Option<u16>,
    pub secret_cache: bool,
    pub python_runtime: Option<PythonRuntime>,
    pub default_ignore: bool,
    pub no_cache: bool,
    pub refresh: Refresh,
    origins: BTreeMap<&'static str, Origin>,
}

/// What runs in the image.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mode {
    /// A Python `fal.App`.
    #[default]
    App,
    /// The image's own server.
    Server,
    /// Nothing of fal's: a plain Dockerfile build.
    Off,
}

/// What is done about `curl`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Curl {
    /// It is installed where there is none.
    #[default]
    Auto,
    /// The build fails where there is none.
    Verify,
    /// Nothing.
    None,
    /// It is copied from this image where there is none.
    Image(Reference),
}

/// What is done about the packages that fal's agent imports.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Runtime {
    /// What is missing or out of range is installed.
    #[default]
    Auto,
    /// `fal` is installed last, in this version if one is given.
    Sdk(Option<String>),
    /// The pins are installed last.
    Pins,
    /// The build fails where something is missing or out of range.
    Verify,
    /// Nothing.
    None,
}

/// A package in an exact version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    /// The name on the package index.
    pub package: String,
    /// The version to install.
    pub version: String,
}

/// A minor version of Python.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Minor {
    /// The 3 of 3.11.
    pub major: u32,
    /// The 11 of 3.11.
    pub minor: u32,
}

/// One layer of requirements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirements {
    /// A file in the context, or the requirements themselves.
    pub text: String,
    /// Who asked for this layer.
    pub origin: Origin,
}

/// Who installs requirements.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Resolver {
    /// uv, brought along where the image has none.
    #[default]
    Uv,
    /// The image's pip.
    Pip,
}

/// The Python of an image that has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PythonRuntime {
    /// A pinned build that needs nothing of the image.
    Standalone,
}

/// When that is installed again which has no exact version.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Refresh {
    /// When what it depends on changes.
    #[default]
    Off,
    /// In this build.
    Now,
    /// When this word is another than before.
    When(String),
}

/// Where a value comes from; the later one is right.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// No one said anything.
    #[default]
    Default,
    /// The environment of the frontend image.
    Image,
    /// A `pyproject.toml` or a ContainerImage.
    Manifest,
    /// A `# fal:` comment on these lines.
    Comment(Lines),
    /// A build argument.
    BuildArgument,
    /// A frontend option.
    Option,
}

/// Reads what was given. An empty build argument, frontend option or variable says nothing.
pub fn read(given: &Given<'_>) -> Result<Options> {
    let mut reading = Reading::default();
    for (key, value) in variables(given.environment) {
        reading.set(key, value, Origin::Image)?;
    }
    if comments_count(given, reading.options.mode) {
        for (name, value) in given.manifest {
            let key = find(name).ok_or_else(|| messages::unknown_key(name))?;
            reading.set(key, value, Origin::Manifest)?;
        }
        for (lines, text) in given.comments {
            reading.comment(*lines, text)?;
        }
    }
    for (key, value) in variables(given.build_arguments) {
        reading.set(key, value, Origin::BuildArgument)?;
    }
    for (name, value) in given.options {
        let Some(name) = name.strip_prefix("fal.") else {
            continue;
        };
        let key = find(name).ok_or_else(|| messages::unknown_option(name))?;
        if !value.is_empty() {
            reading.set(key, value, Origin::Option)?;
        }
    }
    Ok(reading.options.settled())
}

impl Options {
    /// Where the value of a key comes from. Of several layers of requirements, the last.
    pub fn origin(&self, key: &str) -> Origin {
        self.origins.get(key).copied().unwrap_or_default()
    }

    /// The lines to point at when the value of a key is at fault, if it stands in the Dockerfile.
    pub fn lines(&self, key: &str) -> Option<Lines> {
        self.origin(key).lines()
    }

    /// What was asked for and will not be done.
    pub fn warnings(&self) -> Vec<Diagnostic> {
        let are_idle_pins = self.origin("pins") != Origin::Default
            && self.mode == Mode::App
            && self.runtime != Runtime::Pins;
        let warning = messages::idle_pins();
        let warning = match self.lines("pins") {
            Some(lines) => warning.at(lines),
            None => warning,
        };
        are_idle_pins.then_some(warning).into_iter().collect()
    }

    /// What is said where secrets are mounted and the daemon cannot do what `secret-cache=on` asks for.
    pub fn idle_secret_cache(&self) -> Diagnostic {
        let warning = messages::idle_secret_cache();
        match self.lines("secret-cache") {
            Some(lines) => warning.at(lines),
            None => warning,
        }
    }

    /// What one value says about another.
    fn settled(mut self) -> Self {
        if self.mode == Mode::Off {
            self.secret_cache = false;
        }
        self
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            mode: Mode::default(),
            curl: Curl::default(),
            runtime: Runtime::default(),
            pins: Pin::documented(),
            python: None,
            requirements: Vec::new(),
            resolver: Resolver::default(),
            wheels: true,
            port: None,
            secret_cache: true,
            python_runtime: None,
            default_ignore: false,
            no_cache: false,
            refresh: Refresh::default(),
            origins: BTreeMap::new(),
        }
    }
}

impl Origin {
    /// The lines of the Dockerfile, if it comes from there.
    pub fn lines(self) -> Option<Lines> {
        match self {
            Self::Comment(lines) => Some(lines),
            Self::Default | Self::Image | Self::Manifest | Self::BuildArgument | Self::Option => {
                None
            }
        }
    }

    fn is_same_place(self, other: Self) -> bool {
        discriminant(&self) == discriminant(&other)
    }
}

impl Pin {
    /// The pins that fal documents.
    pub fn documented() -> Vec<Self> {
        let pins = pins::DOCUMENTED.iter().map(|pin| Self {
            package: pin.package.to_owned(),
            version: pin.version.to_owned(),
        });
        pins.collect()
    }
}

/// `boto3==1.35.74`, as installers read it.
impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}=={}", self.package, self.version)
    }
}

/// `3.11`
impl fmt::Display for Minor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl Given<'_> {
    /// The options in the file, as written, with their lines.
    pub(super) fn written(&self) -> impl Iterator<Item = (Lines, &str)> {
        let image_mode = match self.environment.get("FAL_MODE").map(String::as_str) {
            Some("off") => Mode::Off,
            _ => Mode::default(),
        };
        let comments = self.comments.iter();
        comments
            .filter(move |_| comments_count(self, image_mode))
            .filter_map(|(lines, text)| Some((*lines, comment::options(text)?)))
    }
}

/// Where the frontend image turns everything off, a comment is a comment, until someone asks for a mode. The same goes for what a
/// manifest says.
fn comments_count(given: &Given<'_>, image_mode: Mode) -> bool {
    let is_given = |names: &BTreeMap<String, String>, name: &str| {
        names.get(name).is_some_and(|value| !value.is_empty())
    };
    image_mode != Mode::Off
        || is_given(given.options, "fal.mode")
        || is_given(given.build_arguments, "FAL_MODE")
}

/// The variables that keys name, with what is in them.
fn variables(given: &BTreeMap<String, String>) -> impl Iterator<Item = (&'static Key, &str)> {
    KEYS.iter().filter_map(|key| {
        let value = given.get(&key.variable())?;
        (!value.is_empty()).then_some((key, value.as_str()))
    })
}

/// What has been read so far. What is read later is right.
#[derive(Default)]
struct Reading {
    options: Options,
    /// The lines of the comments that said a key.
    said: BTreeMap<&'static str, Lines>,
}

impl Reading {
    fn comment(&mut self, lines: Lines, text: &str) -> Result<()> {
        let Some(text) = comment::options(text) else {
            return Ok(());
        };
        let pairs =
            comment::pairs(text).map_err(|mistake| messages::unreadable(&mistake).at(lines))?;
        pairs.iter().try_for_each(|pair| self.pair(lines, pair))
    }

    fn pair(&mut self, lines: Lines, pair: &Pair) -> Result<()> {
        let key = find(&pair.key).ok_or_else(|| messages::unknown_key(&pair.key).at(lines))?;
        match self.said.entry(key.name) {
            Entry::Occupied(first) if !key.repeats => {
                return Err(Box::new(
                    messages::given_twice(key).at(lines).also_at(*first.get()),
                ));
            }
            Entry::Occupied(_) => {}
            Entry::Vacant(place) => {
                place.insert(lines);
            }
        }
        self.set(key, &pair.value, Origin::Comment(lines))
    }

    fn set(&mut self, key: &'static Key, value: &str, origin: Origin) -> Result<()> {
        self.options.origins.insert(key.name, origin);
        (key.read)(&mut self.options, value, origin)
            .map_err(|refusal| Box::new(messages::refused(key, value, origin, refusal)))
    }
}

#[cfg(test)]
mod tests {
    use super::{keys::is_placeholder, *};

    /// What was given in each place, as `key=value` words; comments a line each, from line 1.
    #[derive(Default)]
    struct Case<'a> {
        comments: &'a [&'a str],
        options: &'a [(&'a str, &'a str)],
        build_arguments: &'a [(&'a str, &'a str)],
        environment: &'a [(&'a str, &'a str)],
        manifest: &'a [(&'static str, &'a str)],
    }

    fn read_case(case: &Case<'_>) -> Result<Options> {
        let map = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            pairs
                .iter()
                .map(|(k, v)| ((*k).into(), (*v).into()))
                .collect()
        };
        let lines = (1..).map(Lines::one);
        let comments: Vec<_> = lines
            .zip(case.comments.iter().map(|text| (*text).to_owned()))
            .collect();
        let manifest: Vec<_> = case
            .manifest
            .iter()
            .map(|(key, value)| (*key, (*value).to_owned()))
            .collect();
        read(&Given {
            comments: &comments,
            manifest: &manifest,
            options: &map(case.options),
            build_arguments: &map(case.build_arguments),
            environment: &map(case.environment),
        })
    }

    fn comments(comments: &[&str]) -> Result<Options> {
        read_case(&Case {
            comments,
            ..Case::default()
        })
    }

    /// The error and the lines it points at.
    #[track_caller]
    fn check_error(case: &Case<'_>, message: &str, lines: &[u32]) {
        let error = read_case(case).expect_err(message);
        let at: Vec<u32> = error.locations.iter().map(|lines| lines.start).collect();
        assert_eq!(
            (error.to_string().as_str(), at.as_slice()),
            (message, lines)
        );
    }

    #[test]
    fn every_key_takes_its_values_and_defaults_to_its_default() {
        for key in KEYS {
            let pristine = Options::default();
            for value in key.values.iter().filter(|value| !is_placeholder(value)) {
                let text = format!("fal: {}={value}", key.name);
                let options = comments(&[&text]).expect(&text);
                let is_default = key.default == Some(value);
                let same = Options {
                    origins: BTreeMap::new(),
                    ..options
                };
                assert_eq!(same == pristine, is_default, "{text}");
            }
            assert!(
                key.default
                    .is_none_or(|default| key.values.first() == Some(&default))
            );
            assert!(key.doc.ends_with('.') && find(key.name).is_some());
        }
        assert_eq!(comments(&[]), Ok(Options::default()));
    }

    #[test]
    fn the_strongest_place_is_right() {
        let mut case = Case {
            environment: &[("FAL_CURL", "none"), ("FAL_RUNTIME", ""), ("FAL_KEY", "x")],
            ..Case::default()
        };
        let curl = |case: &Case<'_>| read_case(case).map(|o| (o.curl.clone(), o.origin("curl")));
        assert_eq!(curl(&case), Ok((Curl::None, Origin::Image)));
        case.manifest = &[("curl", "auto")];
        assert_eq!(curl(&case), Ok((Curl::Auto, Origin::Manifest)));
        case.comments = &[" fal: curl=verify", " fal:", " not fal: x"];
        assert_eq!(
            curl(&case),
            Ok((Curl::Verify, Origin::Comment(Lines::one(1))))
        );
        case.build_arguments = &[("FAL_CURL", "auto"), ("FAL_TOKEN", "mine"), ("curl", "x")];
        assert_eq!(curl(&case), Ok((Curl::Auto, Origin::BuildArgument)));
        case.options = &[("fal.curl", "none"), ("curl", "x"), ("fal.port", "")];
        assert_eq!(curl(&case), Ok((Curl::None, Origin::Option)));
    }

    #[test]
    fn values_become_what_they_mean() {
        let options = comments(&[
            r#"fal: curl=image:curl/curl:8.1 runtime=sdk==1.83.0 python=3.11 port=8080 python-runtime=standalone"#,
            r#"fal: requirements=requirements.txt requirements="numpy==2.0 torch" default-ignore=on"#,
            r#"fal: pins="Boto3==1.40.0 protobuf==5.29.5" secret-cache=off resolver=pip"#,
        ])
        .expect("options");
        assert!(
            matches!(&options.curl, Curl::Image(image) if image.to_string() == "docker.io/curl/curl:8.1")
        );
        assert_eq!(options.runtime, Runtime::Sdk(Some("1.83.0".into())));
        assert_eq!(
            options.python,
            Some(Minor {
                major: 3,
                minor: 11
            })
        );
        assert_eq!(
            (options.port, options.python_runtime),
            (Some(8080), Some(PythonRuntime::Standalone))
        );
        let layers: Vec<_> = options
            .requirements
            .iter()
            .map(|layer| layer.text.as_str())
            .collect();
        assert_eq!(layers, ["requirements.txt", "numpy==2.0 torch"]);
        let pins: Vec<_> = options.pins.iter().map(Pin::to_string).collect();
        assert_eq!(
            pins,
            ["pydantic==2.10.6", "protobuf==5.29.5", "boto3==1.40.0"]
        );
        assert_eq!(
            (
                options.secret_cache,
                options.default_ignore,
                options.resolver
            ),
            (false, true, Resolver::Pip)
        );
        assert_eq!(options.lines("pins"), Some(Lines::one(3)));
    }

    #[test]
    fn layers_of_a_stronger_place_replace_those_of_a_weaker() {
        let case = Case {
            comments: &["fal: requirements=a requirements=b"],
            build_arguments: &[("FAL_REQUIREMENTS", "c")],
            ..Case::default()
        };
        let requirements = read_case(&case).map(|options| options.requirements);
        let origin = Origin::BuildArgument;
        assert_eq!(
            requirements,
            Ok(vec![Requirements {
                text: "c".into(),
                origin
            }])
        );
    }

    #[test]
    fn where_the_image_turns_all_off_comments_are_comments_until_a_mode_is_asked_for() {
        let mut case = Case {
            comments: &["fal: mode=server prt=80"],
            environment: &[("FAL_MODE", "off")],
            build_arguments: &[("FAL_CURL", "none")],
            ..Case::default()
        };
        let options = read_case(&case).expect("options");
        assert_eq!((options.mode, options.secret_cache), (Mode::Off, false));
        case.options = &[("fal.mode", "")];
        assert!(read_case(&case).is_ok());
        case.options = &[("fal.mode", "app")];
        check_error(
            &case,
            "unknown fal option \"prt\" (did you mean port?)",
            &[1],
        );
        case.options = &[];
        case.build_arguments = &[("FAL_MODE", "off")];
        check_error(
            &case,
            "unknown fal option \"prt\" (did you mean port?)",
            &[1],
        );
        case.comments = &["fal: mode=server port=80"];
        assert_eq!(
            read_case(&case).map(|o| (o.mode, o.port)),
            Ok((Mode::Off, Some(80)))
        );
    }

    #[test]
    fn a_mistake_in_a_comment_names_its_line() {
        for (text, message) in [
            (
                "fal: mod=app",
                "unknown fal option \"mod\" (did you mean mode?)",
            ),
            (
                "fal: mode=ap",
                "invalid value \"ap\" for fal option mode (did you mean app?)",
            ),
            (
                "fal: mode=OFF",
                "invalid value \"OFF\" for fal option mode (did you mean off?)",
            ),
            ("fal: mode", "cannot read fal options: `mode` has no value"),
            (
                "fal: curl=image:A",
                "invalid value \"image:A\" for fal option curl: invalid reference format: repository name (library/A) must be lowercase",
            ),
            (
                "fal: runtime=sdk==",
                "invalid value \"sdk==\" for fal option runtime: `` is no version",
            ),
            (
                "fal: runtime=sdk=1",
                "invalid value \"sdk=1\" for fal option runtime (did you mean sdk?)",
            ),
            (
                "fal: port=0",
                "invalid value \"0\" for fal option port: a port is a number from 1 to 65535",
            ),
            (
                "fal: port=+80",
                "invalid value \"+80\" for fal option port: a port is a number from 1 to 65535",
            ),
            (
                "fal: python=3.11.2",
                "invalid value \"3.11.2\" for fal option python",
            ),
            (
                "fal: python=3.70000",
                "invalid value \"3.70000\" for fal option python: there is no Python 3.70000",
            ),
            (
                "fal: python=3.011",
                "invalid value \"3.011\" for fal option python: there is no Python 3.011",
            ),
            (
                "fal: python=.1",
                "invalid value \".1\" for fal option python",
            ),
            (
                "fal: pins=numpy==1",
                "invalid value \"numpy==1\" for fal option pins: `numpy` is not one of pydantic, protobuf, boto3",
            ),
            (
                "fal: pins=boto3==-x",
                "invalid value \"boto3==-x\" for fal option pins: `-x` is no version",
            ),
            (
                "fal: pins=\"boto3==1 boto3==2\"",
                "invalid value \"boto3==1 boto3==2\" for fal option pins: `boto3` is pinned twice",
            ),
            (
                "fal: pins=boto3",
                "invalid value \"boto3\" for fal option pins: `boto3` is not written PACKAGE==VERSION",
            ),
        ] {
            check_error(
                &Case {
                    comments: &["", text],
                    ..Case::default()
                },
                message,
                &[2],
            );
        }
        let twice = Case {
            comments: &["fal: port=1", "", "fal: port=1"],
            ..Case::default()
        };
        check_error(&twice, "fal option port is given twice", &[3, 1]);
    }

    #[test]
    fn a_mistake_elsewhere_names_its_place() {
        let option = Case {
            options: &[("fal.secret_cache", "on")],
            ..Case::default()
        };
        check_error(
            &option,
            "unknown frontend option \"fal.secret_cache\" (did you mean fal.secret-cache?)",
            &[],
        );
        let value = Case {
            options: &[("fal.secret-cache", "of")],
            ..Case::default()
        };
        check_error(
            &value,
            "invalid value \"of\" for frontend option fal.secret-cache (did you mean on?)",
            &[],
        );
        let argument = Case {
            build_arguments: &[("FAL_DEFAULT_IGNORE", "yes")],
            ..Case::default()
        };
        check_error(
            &argument,
            "invalid value \"yes\" for build argument FAL_DEFAULT_IGNORE",
            &[],
        );
        let image = Case {
            environment: &[("FAL_MODE", "x")],
            ..Case::default()
        };
        check_error(
            &image,
            "invalid value \"x\" for FAL_MODE in the environment of the frontend image",
            &[],
        );
    }

    #[test]
    fn pins_that_no_one_installs_are_warned_of() {
        let warnings = |text: &str| comments(&[text]).map(|options| options.warnings().len());
        assert_eq!(warnings("fal: pins=boto3==1"), Ok(1));
        assert_eq!(warnings("fal: pins=boto3==1 runtime=pins"), Ok(0));
        assert_eq!(warnings("fal: pins=boto3==1 mode=off"), Ok(0));
    }
}
