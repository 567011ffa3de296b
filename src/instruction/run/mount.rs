//! `--mount=type=…,target=…`
//!
//! Keys are read in order: `required` and `size` belong to a type, so the type stands before them.

use crate::{
    diagnostic::Result,
    golang,
    instruction::{
        messages,
        run::fields::{self, Field},
    },
};

/// A mount whose variables were not replaced yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenMount {
    /// The value of the flag.
    pub text: String,
    /// What `from=` says, which holds no variable: the stage has to be known before any is.
    pub from: Option<String>,
}

/// A mount as it is to be made. What is empty counts as not given.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mount {
    /// `type`
    pub kind: MountKind,
    /// `from`: a stage, a named context or an image.
    pub from: Option<String>,
    /// `source`, `src`
    pub source: Option<String>,
    /// `target`, `dst`, `destination`
    pub target: Option<String>,
    /// `readonly`, `ro`, `readwrite`, `rw`; without one, the type decides.
    pub read_only: bool,
    /// `size`, in bytes; 0 when not given.
    pub size_limit: i64,
    /// `id`: of a cache, a secret or an agent.
    pub cache_id: Option<String>,
    /// `sharing`
    pub sharing: Option<Sharing>,
    /// `required`
    pub required: bool,
    /// `env`: the variable that holds a secret. An empty one is named after the secret.
    pub env: Option<String>,
    /// `mode`
    pub mode: Option<u64>,
    /// `uid`
    pub uid: Option<u64>,
    /// `gid`
    pub gid: Option<u64>,
}

/// What is mounted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MountKind {
    /// Files of a stage, an image or the context.
    #[default]
    Bind,
    /// A folder that outlives the build.
    Cache,
    /// Memory.
    Tmpfs,
    /// A secret of whoever builds.
    Secret,
    /// The SSH agent of whoever builds.
    Ssh,
}

/// What happens when two builds use one cache at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sharing {
    /// Both use it.
    Shared,
    /// Each has its own.
    Private,
    /// One waits.
    Locked,
}

const KEYS: [&str; 19] = [
    "type",
    "from",
    "source",
    "target",
    "readonly",
    "id",
    "sharing",
    "required",
    "size",
    "mode",
    "uid",
    "gid",
    "src",
    "dst",
    "destination",
    "ro",
    "rw",
    "readwrite",
    "env",
];

impl WrittenMount {
    /// Checks what can be checked while a value may still hold variables: the commas, and `from`.
    pub(super) fn new(text: String) -> Result<Self> {
        let mut from = None;
        for field in fields::split(&text, "mounts")? {
            let Some(value) = field.value.filter(|_| field.key == "from") else {
                continue;
            };
            // A `$` at the very end is no variable.
            if value.find('$').is_some_and(|at| at + 1 < value.len()) {
                return Err(messages::variable_in_from(&field.key).into());
            }
            from = given(value);
        }
        Ok(Self { text, from })
    }

    /// The mount, with the variables in its values replaced.
    pub(super) fn read(&self, mut expand: impl FnMut(&str) -> Result<String>) -> Result<Mount> {
        let mut mount = Mount::default();
        let mut access = None;
        for field in fields::split(&self.text, "mounts")? {
            let value = field.value.as_deref().map(&mut expand).transpose()?;
            match (field.key.as_str(), value) {
                ("readonly" | "ro", None) => access = Some(true),
                ("readwrite" | "rw", None) => access = Some(false),
                (key @ ("readonly" | "ro"), Some(value)) => {
                    access = Some(fields::boolean(key, &value)?);
                }
                (key @ ("readwrite" | "rw"), Some(value)) => {
                    access = Some(!fields::boolean(key, &value)?);
                }
                ("required", None) => mount.require("true")?,
                (_, None) => return Err(messages::field_without_value(&field.text).into()),
                (_, Some(value)) => mount.set(&field, value)?,
            }
        }
        mount.read_only = access.unwrap_or(mount.kind.is_read_only());
        mount.checked()
    }
}

impl Mount {
    /// `key=value`, for every key that has a value.
    fn set(&mut self, field: &Field, value: String) -> Result<()> {
        match field.key.as_str() {
            "type" => self.kind = MountKind::read(&value)?,
            "from" => self.from = given(value),
            "source" | "src" => self.source = given(value),
            "target" | "dst" | "destination" => self.target = given(value),
            "required" => self.require(&value)?,
            "size" => self.limit(&value)?,
            "id" => self.cache_id = given(value),
            "sharing" => self.sharing = Some(Sharing::read(&value)?),
            "mode" => self.mode = Some(number("mode", &value, 8)?),
            "uid" => self.uid = Some(number("uid", &value, 10)?),
            "gid" => self.gid = Some(number("gid", &value, 10)?),
            "env" => self.env = Some(value),
            key => return Err(messages::unknown_key(key, &field.text, &KEYS).into()),
        }
        Ok(())
    }

    /// `required=value`, of a secret or an agent.
    fn require(&mut self, value: &str) -> Result<()> {
        if !matches!(self.kind, MountKind::Secret | MountKind::Ssh) {
            return Err(messages::key_of_another_type("required", self.kind.as_str()).into());
        }
        self.required = fields::boolean("required", value)?;
        Ok(())
    }

    /// `size=value`, of memory.
    fn limit(&mut self, value: &str) -> Result<()> {
        if self.kind != MountKind::Tmpfs {
            return Err(messages::key_of_another_type("size", self.kind.as_str()).into());
        }
        let size = golang::ram_in_bytes(value);
        self.size_limit = size.map_err(|_| messages::wrong_value("size", value))?;
        Ok(())
    }

    /// The mount, if its keys go together.
    fn checked(self) -> Result<Self> {
        let kind = self.kind.as_str();
        if matches!(self.kind, MountKind::Bind | MountKind::Tmpfs) {
            let owner_and_mode = [("mode", self.mode), ("uid", self.uid), ("gid", self.gid)];
            if let Some((key, _)) = owner_and_mode.iter().find(|(_, value)| value.is_some()) {
                return Err(messages::no_owner_or_mode(key, kind).into());
            }
        }
        if self.kind == MountKind::Secret {
            self.check_secret()?;
        }
        if self.sharing.is_some() && self.kind != MountKind::Cache {
            return Err(messages::sharing_without_cache(kind).into());
        }
        Ok(self)
    }

    fn check_secret(&self) -> Result<()> {
        let named = self.source.is_some() || self.cache_id.is_some();
        let error = match self {
            _ if self.from.is_some() => messages::secret_with_from(),
            _ if self.sharing.is_some() => messages::secret_with_sharing(),
            _ if !named && self.target.is_none() => messages::secret_without_name(),
            _ if self.source.is_some() && self.cache_id.is_some() => {
                messages::secret_with_two_names()
            }
            _ => return Ok(()),
        };
        Err(error.into())
    }
}

impl MountKind {
    const ALL: [Self; 5] = [
        Self::Bind,
        Self::Cache,
        Self::Tmpfs,
        Self::Secret,
        Self::Ssh,
    ];

    /// The value of `type=`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bind => "bind",
            Self::Cache => "cache",
            Self::Tmpfs => "tmpfs",
            Self::Secret => "secret",
            Self::Ssh => "ssh",
        }
    }

    fn read(value: &str) -> Result<Self> {
        let lower = golang::to_lower(value);
        let kind = Self::ALL.into_iter().find(|kind| kind.as_str() == lower);
        let known = Self::ALL.map(Self::as_str);
        Ok(kind.ok_or_else(|| messages::wrong_mount_type(value, &known))?)
    }

    /// Whether it is read-only unless told otherwise.
    fn is_read_only(self) -> bool {
        !matches!(self, Self::Cache | Self::Tmpfs)
    }
}

impl Sharing {
    const ALL: [Self; 3] = [Self::Shared, Self::Private, Self::Locked];

    /// The value of `sharing=`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Shared => "shared",
            Self::Private => "private",
            Self::Locked => "locked",
        }
    }

    fn read(value: &str) -> Result<Self> {
        let lower = golang::to_lower(value);
        let sharing = Self::ALL
            .into_iter()
            .find(|sharing| sharing.as_str() == lower);
        let known = Self::ALL.map(Self::as_str);
        Ok(sharing.ok_or_else(|| messages::wrong_sharing(value, &known))?)
    }
}

/// What is empty was not given.
fn given(value: String) -> Option<String> {
    Some(value).filter(|value| !value.is_empty())
}

fn number(key: &str, value: &str, base: u32) -> Result<u64> {
    let number = golang::parse_uint(value, base, 32);
    Ok(number.map_err(|_| messages::wrong_number(key, value))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is not as it is by default, or the error. `$X` is `cache`.
    fn told(text: &str) -> String {
        let written = WrittenMount::new(text.to_owned());
        let mount = written.and_then(|it| it.read(|word| Ok(word.replace("$X", "cache"))));
        let mount = match mount {
            Ok(mount) => mount,
            Err(error) => return error.to_string(),
        };
        let texts = [
            ("from", mount.from),
            ("source", mount.source),
            ("target", mount.target),
            ("id", mount.cache_id),
            ("sharing", mount.sharing.map(|it| it.as_str().to_owned())),
            ("env", mount.env),
            ("mode", mount.mode.map(|it| format!("{it:o}"))),
            ("uid", mount.uid.map(|it| it.to_string())),
            ("gid", mount.gid.map(|it| it.to_string())),
            (
                "size",
                Some(mount.size_limit)
                    .filter(|it| *it != 0)
                    .map(|it| it.to_string()),
            ),
            ("required", mount.required.then(|| "yes".to_owned())),
        ];
        let access = if mount.read_only { "ro" } else { "rw" };
        let mut told = format!("{} {access}", mount.kind.as_str());
        for (key, value) in texts {
            if let Some(value) = value {
                told.push_str(&format!(" {key}={value}"));
            }
        }
        told
    }

    #[test]
    fn keys_are_read_in_order_and_with_their_values_replaced() {
        let cases = [
            ("target=/x", "bind ro target=/x"),
            (
                "dst=/x,src=a,from=b,rw",
                "bind rw from=b source=a target=/x",
            ),
            (
                "TYPE=$X,Target=/$X,id=$X",
                "cache rw target=/cache id=cache",
            ),
            (
                "type=cache,target=/x,ro,sharing=LOCKED",
                "cache ro target=/x sharing=locked",
            ),
            (
                "type=cache,mode=0755,uid=1,gid=2",
                "cache rw mode=755 uid=1 gid=2",
            ),
            (
                "type=tmpfs,target=/x,size=1k",
                "tmpfs rw target=/x size=1024",
            ),
            (
                "type=secret,id=a,env=,required",
                "secret ro id=a env= required=yes",
            ),
            ("type=ssh,required=0", "ssh ro"),
            ("readonly=false", "bind rw"),
            ("ro,rw=0", "bind ro"),
            ("from=,target=", "bind ro"),
            ("from=a$,\"target=/a,b\"", "bind ro from=a$ target=/a,b"),
        ];
        for (text, expected) in cases {
            assert_eq!(told(text), expected, "{text}");
        }
    }

    #[test]
    fn a_mistake_is_told_as_the_original_tells_it() {
        let cases = [
            ("", "failed to parse csv mounts: EOF"),
            (
                "a\"",
                "failed to parse csv mounts: parse error on line 1, column 2: bare \" in non-quoted-field",
            ),
            (
                "from=$X",
                "'from' doesn't support variable expansion, define alias stage instead",
            ),
            (
                "type=cach",
                "unsupported mount type \"cach\" (did you mean cache?)",
            ),
            ("type=x", "unsupported mount type \"x\""),
            (
                "sharing=lock",
                "unsupported sharing value \"lock\" (did you mean locked?)",
            ),
            (
                "required,type=ssh",
                "unexpected key 'required' for mount type 'bind'",
            ),
            ("size=1", "unexpected key 'size' for mount type 'bind'"),
            ("type=tmpfs,size=x", "invalid value for size: x"),
            ("ro=x", "invalid value for ro: x"),
            ("readwrite=x", "invalid value for readwrite: x"),
            ("type=ssh,required=x", "invalid value for required: x"),
            ("target", "invalid field 'target' must be a key=value pair"),
            (
                "Tagret=/x",
                "unexpected key 'tagret' in 'Tagret=/x' (did you mean target?)",
            ),
            ("type=cache,mode=8", "invalid value 8 for mode"),
            ("type=cache,uid=-1", "invalid value -1 for uid"),
            (
                "type=cache,gid=4294967296",
                "invalid value 4294967296 for gid",
            ),
            ("mode=0", "mode not allowed for \"bind\" type mounts"),
            (
                "type=tmpfs,gid=0,uid=0",
                "uid not allowed for \"tmpfs\" type mounts",
            ),
            ("sharing=shared", "invalid cache sharing set for bind mount"),
            (
                "type=secret,id=a,from=b",
                "secret mount should not have a from",
            ),
            (
                "type=secret,id=a,sharing=shared",
                "secret mount should not define sharing",
            ),
            (
                "type=secret,env=A",
                "invalid secret mount. one of source, target required",
            ),
            (
                "type=secret,id=a,source=b",
                "both source and id can't be set",
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(told(text), expected, "{text}");
        }
    }

    #[test]
    fn before_variables_are_known_only_commas_and_from_are_read() {
        let from = |text: &str| WrittenMount::new(text.to_owned()).map(|it| it.from);
        assert_eq!(from("type=x,foo,from=a,From=b"), Ok(Some("b".to_owned())));
        assert_eq!(from("target=$X,from="), Ok(None));
        assert!(from("from=a${b").is_err());
    }
}
