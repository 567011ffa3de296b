//! JSON to an image config, as Go fills its structs.
//!
//! Keys match in any case, unknown ones are dropped, `null` leaves what is there (or empties a list), and a key that
//! comes twice goes on with what the first has filled. A value of the wrong kind is an error, told when all is read;
//! a time that is none is an error at once.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    golang::time::{self, Timestamp},
    image::{
        Config, Execution, Healthcheck, History, RootFs,
        json::{self, Kind, Reader, SyntaxError},
    },
};

/// Why bytes are no image config.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// They are no JSON.
    #[error(transparent)]
    Syntax(#[from] SyntaxError),
    /// A value is of another kind than its field.
    #[error("json: cannot unmarshal {value} into Go {place} of type {kind}")]
    Kind {
        /// The kind of the value; of a number that does not fit, the number too.
        value: String,
        /// The field, as Go names it.
        place: String,
        /// The type of the field, as Go names it.
        kind: &'static str,
    },
    /// A time is not written as a string.
    #[error("Time.UnmarshalJSON: input is not a JSON string")]
    TimeIsNoString,
    /// A string is no time.
    #[error(transparent)]
    Time(#[from] time::Error),
}

pub(super) fn config(bytes: &[u8]) -> Result<Config, Error> {
    json::check(bytes)?;
    let mut decoder = Decoder {
        reader: Reader::new(bytes),
        strukt: "",
        path: Vec::new(),
        first_error: None,
    };
    let mut config = Config::default();
    decoder.config(&mut config)?;
    match decoder.first_error {
        Some(error) => Err(error),
        None => Ok(config),
    }
}

struct Decoder<'a> {
    reader: Reader<'a>,
    /// The Go struct whose field is being read, and the way to that field.
    strukt: &'static str,
    path: Vec<&'static str>,
    first_error: Option<Error>,
}

/// The structs. Go writes the names of embedded structs into the path of a field, so they stand here too.
impl Decoder<'_> {
    fn config(&mut self, to: &mut Config) -> Result<(), Error> {
        let platform = &mut to.platform;
        self.object("v1.DockerOCIImage", |field, key| match key {
            "created" => field.at("Image.created").time(&mut to.created),
            "author" => field.at("Image.author").string(&mut to.author),
            "architecture" => field
                .at("Image.Platform.architecture")
                .string(&mut platform.architecture),
            "os" => field.at("Image.Platform.os").string(&mut platform.os),
            "os.version" => field
                .at("Image.Platform.os.version")
                .string(&mut platform.os_version),
            "os.features" => field
                .at("Image.Platform.os.features")
                .strings(&mut platform.os_features),
            "variant" => field
                .at("Image.Platform.variant")
                .string(&mut platform.variant),
            "rootfs" => field.at("Image.rootfs").root_fs(&mut to.rootfs),
            "history" => {
                field
                    .at("Image.history")
                    .list("[]v1.History", &mut to.history, Self::history)
            }
            "config" => field.at("config").execution(&mut to.config),
            _ => field.skip(),
        })
    }

    fn root_fs(&mut self, to: &mut RootFs) -> Result<(), Error> {
        self.object("v1.RootFS", |field, key| match key {
            "type" => field.at("type").string(&mut to.kind),
            "diff_ids" => field.at("diff_ids").diff_ids(&mut to.diff_ids),
            _ => field.skip(),
        })
    }

    fn history(&mut self, to: &mut History) -> Result<(), Error> {
        self.object("v1.History", |field, key| match key {
            "created" => field.at("created").time(&mut to.created),
            "created_by" => field.at("created_by").string(&mut to.created_by),
            "author" => field.at("author").string(&mut to.author),
            "comment" => field.at("comment").string(&mut to.comment),
            "empty_layer" => field.at("empty_layer").bool(&mut to.empty_layer),
            _ => field.skip(),
        })
    }

    fn execution(&mut self, to: &mut Execution) -> Result<(), Error> {
        self.object("v1.DockerOCIImageConfig", |field, key| match key {
            "user" => field.at("ImageConfig.User").string(&mut to.user),
            "exposedports" => field
                .at("ImageConfig.ExposedPorts")
                .set(&mut to.exposed_ports),
            "env" => field.at("ImageConfig.Env").strings(&mut to.env),
            "entrypoint" => field
                .at("ImageConfig.Entrypoint")
                .strings(&mut to.entrypoint),
            "cmd" => field.at("ImageConfig.Cmd").strings(&mut to.cmd),
            "volumes" => field.at("ImageConfig.Volumes").set(&mut to.volumes),
            "workingdir" => field
                .at("ImageConfig.WorkingDir")
                .string(&mut to.working_dir),
            "labels" => field.at("ImageConfig.Labels").string_map(&mut to.labels),
            "stopsignal" => field
                .at("ImageConfig.StopSignal")
                .string(&mut to.stop_signal),
            "argsescaped" => field
                .at("ImageConfig.ArgsEscaped")
                .bool(&mut to.args_escaped),
            "healthcheck" => field
                .at("DockerOCIImageConfigExt.Healthcheck")
                .healthcheck(&mut to.healthcheck),
            "onbuild" => field
                .at("DockerOCIImageConfigExt.OnBuild")
                .strings(&mut to.on_build),
            "shell" => field
                .at("DockerOCIImageConfigExt.Shell")
                .strings(&mut to.shell),
            _ => field.skip(),
        })
    }

    fn healthcheck(&mut self, to: &mut Option<Healthcheck>) -> Result<(), Error> {
        if self.is_null() {
            *to = None;
            return Ok(());
        }
        let to = to.get_or_insert_default();
        self.object("v1.HealthcheckConfig", |field, key| match key {
            "test" => field.at("Test").strings(&mut to.test),
            "interval" => field
                .at("Interval")
                .integer("time.Duration", &mut to.interval),
            "timeout" => field
                .at("Timeout")
                .integer("time.Duration", &mut to.timeout),
            "startperiod" => field
                .at("StartPeriod")
                .integer("time.Duration", &mut to.start_period),
            "startinterval" => field
                .at("StartInterval")
                .integer("time.Duration", &mut to.start_interval),
            "retries" => field.at("Retries").integer("int", &mut to.retries),
            _ => field.skip(),
        })
    }
}

/// The kinds of values.
impl Decoder<'_> {
    /// Calls `member` at the value of each key, the key in lower case.
    fn object(
        &mut self,
        kind: &'static str,
        mut member: impl FnMut(&mut Self, &str) -> Result<(), Error>,
    ) -> Result<(), Error> {
        if self.is_null() || !self.is(Kind::Object, kind) {
            return Ok(());
        }
        let (outer, depth) = (self.strukt, self.path.len());
        self.reader.open();
        while self.reader.has_next() {
            let key = fold(&self.reader.key());
            self.strukt = kind.strip_prefix("v1.").unwrap_or(kind);
            member(self, &key)?;
            self.strukt = outer;
            self.path.truncate(depth);
        }
        Ok(())
    }

    /// Steps into a field: what is read next is its value.
    fn at(&mut self, field: &'static str) -> &mut Self {
        self.path.push(field);
        self
    }

    fn skip(&mut self) -> Result<(), Error> {
        self.reader.skip();
        Ok(())
    }

    fn list<T: Default>(
        &mut self,
        kind: &'static str,
        to: &mut Vec<T>,
        element: impl Fn(&mut Self, &mut T) -> Result<(), Error>,
    ) -> Result<(), Error> {
        if self.is_null() {
            to.clear();
            return Ok(());
        }
        if !self.is(Kind::Array, kind) {
            return Ok(());
        }
        self.reader.open();
        let mut count = 0;
        while self.reader.has_next() {
            if count == to.len() {
                to.push(T::default());
            }
            if let Some(to) = to.get_mut(count) {
                element(self, to)?;
            }
            count += 1;
        }
        to.truncate(count);
        Ok(())
    }

    fn strings(&mut self, to: &mut Vec<String>) -> Result<(), Error> {
        self.list("[]string", to, Self::string)
    }

    fn diff_ids(&mut self, to: &mut Option<Vec<String>>) -> Result<(), Error> {
        if self.is_null() {
            *to = None;
            return Ok(());
        }
        let to = to.get_or_insert_default();
        self.list("[]digest.Digest", to, |element, to| {
            element.string_of("digest.Digest", to)
        })
    }

    fn set(&mut self, to: &mut BTreeSet<String>) -> Result<(), Error> {
        if self.is_null() {
            to.clear();
            return Ok(());
        }
        self.entries("map[string]struct {}", |entry, key| {
            to.insert(key);
            entry.object("struct {}", |field, _| field.skip())
        })
    }

    fn string_map(&mut self, to: &mut BTreeMap<String, String>) -> Result<(), Error> {
        if self.is_null() {
            to.clear();
            return Ok(());
        }
        self.entries("map[string]string", |entry, key| {
            let mut value = String::new();
            entry.string(&mut value)?;
            to.insert(key, value);
            Ok(())
        })
    }

    /// Calls `entry` at the value of each key of a map, the key as it is.
    fn entries(
        &mut self,
        kind: &'static str,
        mut entry: impl FnMut(&mut Self, String) -> Result<(), Error>,
    ) -> Result<(), Error> {
        if !self.is(Kind::Object, kind) {
            return Ok(());
        }
        self.reader.open();
        while self.reader.has_next() {
            let key = self.reader.key();
            entry(self, key)?;
        }
        Ok(())
    }

    fn string(&mut self, to: &mut String) -> Result<(), Error> {
        self.string_of("string", to)
    }

    fn string_of(&mut self, kind: &'static str, to: &mut String) -> Result<(), Error> {
        if !self.is_null() && self.is(Kind::String, kind) {
            *to = self.reader.string();
        }
        Ok(())
    }

    fn bool(&mut self, to: &mut bool) -> Result<(), Error> {
        if !self.is_null() && self.is(Kind::Bool, "bool") {
            *to = self.reader.raw() == b"true";
        }
        Ok(())
    }

    fn integer(&mut self, kind: &'static str, to: &mut i64) -> Result<(), Error> {
        if self.is_null() || !self.is(Kind::Number, kind) {
            return Ok(());
        }
        let text = String::from_utf8_lossy(self.reader.raw());
        match text.parse() {
            Ok(number) => *to = number,
            Err(_) => self.fail(|| format!("number {text}"), kind),
        }
        Ok(())
    }

    fn time(&mut self, to: &mut Option<Timestamp>) -> Result<(), Error> {
        if self.is_null() {
            *to = None;
            return Ok(());
        }
        let literal = self.reader.raw();
        // What stands between the quotes is taken as it is: an escape is no part of a time.
        let [b'"', text @ .., b'"'] = literal else {
            return Err(Error::TimeIsNoString);
        };
        *to = Some(Timestamp::parse(text)?);
        Ok(())
    }

    /// Whether `null` is next; it is then passed.
    fn is_null(&mut self) -> bool {
        let is_null = self.reader.kind() == Kind::Null;
        if is_null {
            self.reader.skip();
        }
        is_null
    }

    /// Whether the next value is of the wanted kind; else that is an error, and the value is passed.
    fn is(&mut self, wanted: Kind, kind: &'static str) -> bool {
        let found = self.reader.kind();
        if found == wanted {
            return true;
        }
        self.fail(|| name(found).to_owned(), kind);
        self.reader.skip();
        false
    }

    /// The first error is the one that is told.
    fn fail(&mut self, value: impl Fn() -> String, kind: &'static str) {
        if self.first_error.is_some() {
            return;
        }
        let place = match self.path.is_empty() {
            true => String::from("value"),
            false => format!("struct field {}.{}", self.strukt, self.path.join(".")),
        };
        self.first_error = Some(Error::Kind {
            value: value(),
            place,
            kind,
        });
    }
}

fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Null => "null",
        Kind::Bool => "bool",
        Kind::Number => "number",
        Kind::String => "string",
        Kind::Array => "array",
        Kind::Object => "object",
    }
}

/// A key in lower case. Two letters outside of ASCII fold into it: the long s and the Kelvin sign.
fn fold(key: &str) -> String {
    key.chars()
        .map(|c| match c {
            'ſ' => 's',
            '\u{212a}' => 'k',
            c => c.to_ascii_lowercase(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The config written again, or the error.
    fn round_trip(text: &str) -> String {
        match config(text.as_bytes()) {
            Ok(config) => config.to_json().unwrap_or_else(|e| e.to_string()),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn keys_match_in_any_case_and_unknown_ones_are_dropped() {
        let text = r#"{"OS":"linux","CONFIG":{"onbuild":["x"],"StopTimeout":3,"\u017fhell":["a"]},"x":[{"y":[1,"]"]}]}"#;
        let want = r#"{"architecture":"","os":"linux","rootfs":{"type":"","diff_ids":null},"config":{"OnBuild":["x"],"Shell":["a"]}}"#;
        assert_eq!(round_trip(text), want);
    }

    #[test]
    fn null_leaves_scalars_and_empties_lists() {
        let text = r#"{"os":"a","os":null,"created":null,"config":{"User":"u","Env":["a"],"Healthcheck":{"Retries":1}},
            "config":{"User":null,"Env":null,"Cmd":[null],"Labels":{"k":null},"Volumes":{"/v":null},"Healthcheck":{"Interval":2}},
            "history":null,"rootfs":{"diff_ids":[]}}"#;
        let want = r#"{"architecture":"","os":"a","rootfs":{"type":"","diff_ids":[]},"config":{"User":"u","Cmd":[""],"Volumes":{"/v":{}},"Labels":{"k":""},"Healthcheck":{"Interval":2,"Retries":1}}}"#;
        assert_eq!(round_trip(text), want);
        assert_eq!(config(b"null"), Ok(Config::default()));
    }

    #[test]
    fn a_value_of_the_wrong_kind_is_told_as_go_tells_it() {
        for (text, value, place, kind) in [
            ("[]", "array", "value", "v1.DockerOCIImage"),
            (
                r#"{"os":1}"#,
                "number",
                "struct field DockerOCIImage.Image.Platform.os",
                "string",
            ),
            (
                r#"{"history":[{"author":{}}]}"#,
                "object",
                "struct field History.Image.history.author",
                "string",
            ),
            (
                r#"{"rootfs":{"diff_ids":[true]}}"#,
                "bool",
                "struct field RootFS.Image.rootfs.diff_ids",
                "digest.Digest",
            ),
            (
                r#"{"config":{"Healthcheck":{"Retries":1e2}}}"#,
                "number 1e2",
                "struct field HealthcheckConfig.config.DockerOCIImageConfigExt.Healthcheck.Retries",
                "int",
            ),
            (
                r#"{"config":{"Labels":{"a":[],"b":1}},"os":1}"#,
                "array",
                "struct field DockerOCIImageConfig.config.ImageConfig.Labels",
                "string",
            ),
        ] {
            let want = format!("json: cannot unmarshal {value} into Go {place} of type {kind}");
            assert_eq!(round_trip(text), want, "{text}");
        }
    }

    #[test]
    fn a_time_that_is_none_is_told_before_all_else() {
        for (created, want) in [
            ("1", "Time.UnmarshalJSON: input is not a JSON string"),
            ("[]", "Time.UnmarshalJSON: input is not a JSON string"),
            (
                r#""2020-13-""#,
                r#"parsing time "2020-13-": month out of range"#,
            ),
        ] {
            assert_eq!(
                round_trip(&format!(r#"{{"os":1,"created":{created}}}"#)),
                want
            );
        }
        let text = r#"{"history":[{"created":"2020-01-01T00:00:00+24:00"}]}"#;
        assert!(round_trip(text).ends_with("timezone hour outside of range [0,23]"));
    }

    /// JSON that is often a config: keys and values at random, in order.
    fn json() -> impl Strategy<Value = String> {
        let scalar = prop_oneof![
            Just(String::from("null")),
            Just(String::from("true")),
            Just(String::from("7")),
            Just(String::from("\"2020-01-02T03:04:05.60+01:00\"")),
            "[a-z\\\\<é]{0,4}".prop_map(|text| serde_json::json!(text).to_string()),
        ];
        let key = proptest::sample::select(vec![
            "os",
            "created",
            "history",
            "config",
            "Env",
            "Labels",
            "rootfs",
            "diff_ids",
            "Healthcheck",
            "Test",
        ]);
        scalar.prop_recursive(5, 40, 4, move |inner| {
            let member =
                (key.clone(), inner.clone()).prop_map(|(key, value)| format!("\"{key}\":{value}"));
            prop_oneof![
                proptest::collection::vec(inner, 0..3)
                    .prop_map(|list| format!("[{}]", list.join(","))),
                proptest::collection::vec(member, 0..5)
                    .prop_map(|list| format!("{{{}}}", list.join(","))),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_as_the_same(text in json(), bytes: Vec<u8>) {
            if let Ok(config) = config(text.as_bytes()) {
                let written = config.to_json().expect("years of four digits");
                prop_assert_eq!(super::config(written.as_bytes()), Ok(config));
            }
            let _ = config(&bytes);
        }
    }
}
