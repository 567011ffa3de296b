//! A definition as the JSON that the subrequest `frontend.convertllb` answers.
//!
//! Ops and source maps have protobuf's JSON form: names in camel case unless the `.proto` has them
//! otherwise, what is empty left out, 64-bit numbers as strings, bytes in base64, enums by name. The
//! metadata has the form that Go's `encoding/json` gives a struct, in which error details and the
//! other subrequests have everything. Both are escaped and laid out as Go does.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use prost::Message;
use serde_json::{Map, Value};

use crate::{
    golang::json,
    llb::definition::{Definition, digest},
    proto::pb::{self, file_action, op, user_opt},
};

/// The `result.json` of `frontend.convertllb`: ops and metadata by digest, and the source map.
pub fn convert_llb_json(definition: &Definition) -> String {
    let ops: BTreeMap<String, Value> = definition
        .ops
        .iter()
        .filter_map(|bytes| Some((digest(bytes), op(&pb::Op::decode(bytes.clone()).ok()?))))
        .collect();
    let metadata = definition
        .metadata
        .iter()
        .map(|(name, metadata)| (name.clone(), op_metadata(metadata, Form::Struct)));
    let answer = Object::default()
        .field("def", object(ops))
        .field("metadata", object(metadata))
        .field(
            "source",
            definition
                .source
                .as_ref()
                .map_or(object([]), |source| self::source(source, Form::Proto)),
        );
    json::to_string_pretty(&answer.done())
}

// ---------------------------------------------------------------- ops

fn op(op: &pb::Op) -> Value {
    let fields = Object::default().list("inputs", &op.inputs, |input| {
        Object::default()
            .text("digest", &input.digest)
            .long("index", input.index)
            .done()
    });
    let fields = match &op.op {
        Some(op::Op::Exec(exec)) => fields.field("exec", exec_op(exec)),
        Some(op::Op::Source(source)) => fields.field("source", source_op(source)),
        Some(op::Op::File(file)) => fields.field(
            "file",
            Object::default()
                .list("actions", &file.actions, action)
                .done(),
        ),
        Some(op::Op::Build(build)) => fields.field("build", build_op(build)),
        Some(op::Op::Merge(merge)) => fields.field(
            "merge",
            Object::default()
                .list("inputs", &merge.inputs, |it| index(it.input))
                .done(),
        ),
        Some(op::Op::Diff(diff)) => fields.field(
            "diff",
            Object::default()
                .some("lower", &diff.lower, |it| index(it.input))
                .some("upper", &diff.upper, |it| index(it.input))
                .done(),
        ),
        Some(op::Op::Passthrough(passthrough)) => fields.field(
            "passthrough",
            Object::default()
                .text("id", &passthrough.id)
                .list("outputs", &passthrough.outputs, |it| it.to_string().into())
                .done(),
        ),
        None => fields,
    };
    fields
        .some("platform", &op.platform, |platform| {
            Object::default()
                .text("Architecture", &platform.architecture)
                .text("OS", &platform.os)
                .text("Variant", &platform.variant)
                .text("OSVersion", &platform.os_version)
                .texts("OSFeatures", &platform.os_features)
                .done()
        })
        .some("constraints", &op.constraints, |constraints| {
            Object::default()
                .texts("filter", &constraints.filter)
                .done()
        })
        .done()
}

fn index(input: i64) -> Value {
    Object::default().long("input", input).done()
}

fn source_op(source: &pb::SourceOp) -> Value {
    Object::default()
        .text("identifier", &source.identifier)
        .map("attrs", attrs(&source.attrs))
        .done()
}

fn attrs(attrs: &[pb::Attr]) -> BTreeMap<String, Value> {
    attrs
        .iter()
        .map(|attr| (attr.key().to_owned(), attr.value().into()))
        .collect()
}

fn build_op(build: &pb::BuildOp) -> Value {
    let inputs: BTreeMap<String, Value> = build
        .inputs
        .iter()
        .map(|entry| {
            let input = entry.value.as_ref().map_or(0, |value| value.input);
            (entry.key().to_owned(), index(input))
        })
        .collect();
    Object::default()
        .long("builder", build.builder)
        .map("inputs", inputs)
        .some("def", &build.def, |it| definition(it, Form::Proto))
        .map("attrs", attrs(&build.attrs))
        .done()
}

fn exec_op(exec: &pb::ExecOp) -> Value {
    Object::default()
        .some("meta", &exec.meta, meta)
        .list("mounts", &exec.mounts, mount)
        .choice::<pb::NetMode>("network", exec.network, |it| it.as_str_name())
        .choice::<pb::SecurityMode>("security", exec.security, |it| it.as_str_name())
        .list("secretenv", &exec.secretenv, |secret| {
            Object::default()
                .text("ID", &secret.id)
                .text("name", &secret.name)
                .flag("optional", secret.optional)
                .done()
        })
        .list("cdiDevices", &exec.cdi_devices, |device| {
            Object::default()
                .text("name", &device.name)
                .flag("optional", device.optional)
                .done()
        })
        .done()
}

fn meta(meta: &pb::Meta) -> Value {
    Object::default()
        .texts("args", &meta.args)
        .texts("env", &meta.env)
        .text("cwd", &meta.cwd)
        .text("user", &meta.user)
        .some("proxyEnv", &meta.proxy_env, |proxy| {
            Object::default()
                .text("httpProxy", &proxy.http_proxy)
                .text("httpsProxy", &proxy.https_proxy)
                .text("ftpProxy", &proxy.ftp_proxy)
                .text("noProxy", &proxy.no_proxy)
                .text("allProxy", &proxy.all_proxy)
                .done()
        })
        .list("extraHosts", &meta.extra_hosts, |host| {
            Object::default()
                .text("Host", &host.host)
                .text("IP", &host.ip)
                .done()
        })
        .text("hostname", &meta.hostname)
        .list("ulimit", &meta.ulimit, |ulimit| {
            Object::default()
                .text("Name", &ulimit.name)
                .long("Soft", ulimit.soft)
                .long("Hard", ulimit.hard)
                .done()
        })
        .text("cgroupParent", &meta.cgroup_parent)
        .flag(
            "removeMountStubsRecursive",
            meta.remove_mount_stubs_recursive,
        )
        .list("validExitCodes", &meta.valid_exit_codes, |it| (*it).into())
        .done()
}

fn mount(mount: &pb::Mount) -> Value {
    Object::default()
        .long("input", mount.input)
        .text("selector", &mount.selector)
        .text("dest", &mount.dest)
        .long("output", mount.output)
        .flag("readonly", mount.readonly)
        .choice::<pb::MountType>("mountType", mount.mount_type, |it| it.as_str_name())
        .some("TmpfsOpt", &mount.tmpfs_opt, |tmpfs| {
            Object::default().long("size", tmpfs.size).done()
        })
        .some("cacheOpt", &mount.cache_opt, |cache| {
            Object::default()
                .text("ID", &cache.id)
                .choice::<pb::CacheSharingOpt>("sharing", cache.sharing, |it| it.as_str_name())
                .done()
        })
        .some("secretOpt", &mount.secret_opt, |secret| {
            Object::default()
                .text("ID", &secret.id)
                .number("uid", secret.uid)
                .number("gid", secret.gid)
                .number("mode", secret.mode)
                .flag("optional", secret.optional)
                .done()
        })
        .some("SSHOpt", &mount.ssh_opt, |ssh| {
            Object::default()
                .text("ID", &ssh.id)
                .number("uid", ssh.uid)
                .number("gid", ssh.gid)
                .number("mode", ssh.mode)
                .flag("optional", ssh.optional)
                .done()
        })
        .text("resultID", &mount.result_id)
        .choice::<pb::MountContentCache>("contentCache", mount.content_cache, |it| it.as_str_name())
        .done()
}

fn action(action: &pb::FileAction) -> Value {
    let fields = Object::default()
        .long("input", action.input)
        .long("secondaryInput", action.secondary_input)
        .long("output", action.output);
    match &action.action {
        Some(file_action::Action::Copy(it)) => fields.field("copy", copy(it)),
        Some(file_action::Action::Mkfile(it)) => fields.field(
            "mkfile",
            Object::default()
                .text("path", &it.path)
                .number("mode", it.mode)
                .bytes("data", &it.data)
                .some("owner", &it.owner, chown)
                .long("timestamp", it.timestamp)
                .done(),
        ),
        Some(file_action::Action::Mkdir(it)) => fields.field(
            "mkdir",
            Object::default()
                .text("path", &it.path)
                .number("mode", it.mode)
                .flag("makeParents", it.make_parents)
                .some("owner", &it.owner, chown)
                .long("timestamp", it.timestamp)
                .done(),
        ),
        Some(file_action::Action::Rm(it)) => fields.field(
            "rm",
            Object::default()
                .text("path", &it.path)
                .flag("allowNotFound", it.allow_not_found)
                .flag("allowWildcard", it.allow_wildcard)
                .done(),
        ),
        Some(file_action::Action::Symlink(it)) => fields.field(
            "symlink",
            Object::default()
                .text("oldpath", &it.oldpath)
                .text("newpath", &it.newpath)
                .some("owner", &it.owner, chown)
                .long("timestamp", it.timestamp)
                .done(),
        ),
        None => fields,
    }
    .done()
}

fn copy(copy: &pb::FileActionCopy) -> Value {
    Object::default()
        .text("src", &copy.src)
        .text("dest", &copy.dest)
        .some("owner", &copy.owner, chown)
        .number("mode", copy.mode)
        .flag("followSymlink", copy.follow_symlink)
        .flag("dirCopyContents", copy.dir_copy_contents)
        .flag(
            "attemptUnpackDockerCompatibility",
            copy.attempt_unpack_docker_compatibility,
        )
        .flag("createDestPath", copy.create_dest_path)
        .flag("allowWildcard", copy.allow_wildcard)
        .flag("allowEmptyWildcard", copy.allow_empty_wildcard)
        .long("timestamp", copy.timestamp)
        .texts("includePatterns", &copy.include_patterns)
        .texts("excludePatterns", &copy.exclude_patterns)
        .flag(
            "alwaysReplaceExistingDestPaths",
            copy.always_replace_existing_dest_paths,
        )
        .text("modeStr", &copy.mode_str)
        .texts("requiredPaths", &copy.required_paths)
        .done()
}

fn chown(chown: &pb::ChownOpt) -> Value {
    let user = |user: &pb::UserOpt| {
        let fields = Object::default();
        match &user.user {
            Some(user_opt::User::ByName(name)) => fields.field(
                "byName",
                Object::default()
                    .text("name", &name.name)
                    .long("input", name.input)
                    .done(),
            ),
            Some(user_opt::User::ById(id)) => fields.field("byID", (*id).into()),
            None => fields,
        }
        .done()
    };
    Object::default()
        .some("user", &chown.user, user)
        .some("group", &chown.group, user)
        .done()
}

// ---------------------------------------------------------------- about ops

fn op_metadata(metadata: &pb::OpMetadata, form: Form) -> Value {
    let name = |proto, tag| match form {
        Form::Proto => proto,
        Form::Struct => tag,
    };
    Object::default()
        .flag(name("ignoreCache", "ignore_cache"), metadata.ignore_cache)
        .map("description", values(&metadata.description))
        .some(
            name("exportCache", "export_cache"),
            &metadata.export_cache,
            export_cache,
        )
        .map("caps", values(&metadata.caps))
        .some(
            name("progressGroup", "progress_group"),
            &metadata.progress_group,
            progress_group,
        )
        .some(
            name("linuxResources", "linux_resources"),
            &metadata.linux_resources,
            |resources| linux_resources(resources, form),
        )
        .done()
}

fn linux_resources(resources: &pb::LinuxResources, form: Form) -> Value {
    let sizes: [(&str, Value); 5] = [
        ("memory", resources.memory.into()),
        ("memorySwap", resources.memory_swap.into()),
        ("cpuShares", resources.cpu_shares.into()),
        ("cpuPeriod", resources.cpu_period.into()),
        ("cpuQuota", resources.cpu_quota.into()),
    ];
    let zero = Value::from(0);
    sizes
        .into_iter()
        .filter(|(_, size)| *size != zero)
        .fold(Object::default(), |object, (name, size)| match form {
            Form::Proto => object.field(name, size.to_string().into()),
            Form::Struct => object.field(name, size),
        })
        .text("cpusetCpus", &resources.cpuset_cpus)
        .text("cpusetMems", &resources.cpuset_mems)
        .done()
}

fn export_cache(export_cache: &pb::ExportCache) -> Value {
    Object::default().flag("Value", export_cache.value).done()
}

fn progress_group(group: &pb::ProgressGroup) -> Value {
    Object::default()
        .text("id", &group.id)
        .text("name", &group.name)
        .flag("weak", group.weak)
        .done()
}

fn definition(definition: &pb::Definition, form: Form) -> Value {
    let metadata = mapped(&definition.metadata, |it| op_metadata(it, form));
    Object::default()
        .list("def", &definition.def, |bytes| base64(bytes).into())
        .map("metadata", metadata)
        .some("Source", &definition.source, |it| source(it, form))
        .done()
}

fn source(source: &pb::Source, form: Form) -> Value {
    let locations = |listed: &pb::Locations| {
        Object::default()
            .list("locations", &listed.locations, location)
            .done()
    };
    Object::default()
        .map("locations", mapped(&source.locations, locations))
        .list("infos", &source.infos, |info| source_info(info, form))
        .done()
}

/// A file of a source map.
pub fn source_info(info: &pb::SourceInfo, form: Form) -> Value {
    Object::default()
        .text("filename", &info.filename)
        .bytes("data", &info.data)
        .some("definition", &info.definition, |it| definition(it, form))
        .text("language", &info.language)
        .done()
}

/// Lines of one of the files of a source map. Both forms are the same.
pub fn location(location: &pb::Location) -> Value {
    Object::default()
        .number("sourceIndex", location.source_index)
        .list("ranges", &location.ranges, range)
        .done()
}

/// From one place to another. Both forms are the same.
pub fn range(range: &pb::Range) -> Value {
    let position = |position: &pb::Position| {
        Object::default()
            .number("line", position.line)
            .number("character", position.character)
            .done()
    };
    Object::default()
        .some("start", &range.start, position)
        .some("end", &range.end, position)
        .done()
}

// ---------------------------------------------------------------- the form

/// How Go writes a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// By protobuf's own rules.
    Proto,
    /// As the struct that it is: what `encoding/json` does with the names in its tags.
    Struct,
}

/// The fields of a message; what is empty is left out.
#[derive(Default)]
struct Object(Map<String, Value>);

impl Object {
    fn done(self) -> Value {
        Value::Object(self.0)
    }

    /// A field that is there even if it is empty.
    fn field(mut self, name: &str, value: Value) -> Self {
        self.0.insert(name.to_owned(), value);
        self
    }

    fn unless(self, empty: bool, name: &str, value: impl FnOnce() -> Value) -> Self {
        if empty {
            self
        } else {
            self.field(name, value())
        }
    }

    fn text(self, name: &str, value: &str) -> Self {
        self.unless(value.is_empty(), name, || value.into())
    }

    fn texts(self, name: &str, values: &[String]) -> Self {
        self.list(name, values, |value| value.as_str().into())
    }

    fn bytes(self, name: &str, value: &[u8]) -> Self {
        self.unless(value.is_empty(), name, || base64(value).into())
    }

    fn flag(self, name: &str, value: bool) -> Self {
        self.unless(!value, name, || true.into())
    }

    fn number<N: Default + PartialEq + Into<Value>>(self, name: &str, value: N) -> Self {
        self.unless(value == N::default(), name, || value.into())
    }

    fn long<N: Default + PartialEq + ToString>(self, name: &str, value: N) -> Self {
        self.unless(value == N::default(), name, || value.to_string().into())
    }

    /// An enum by the name of its value; by the number, if that has none.
    fn choice<E: TryFrom<i32>>(
        self,
        name: &str,
        value: i32,
        as_str_name: impl Fn(&E) -> &'static str,
    ) -> Self {
        self.unless(value == 0, name, || match E::try_from(value) {
            Ok(known) => as_str_name(&known).into(),
            Err(_) => value.into(),
        })
    }

    fn list<T>(self, name: &str, values: &[T], form: impl Fn(&T) -> Value) -> Self {
        self.unless(values.is_empty(), name, || {
            Value::Array(values.iter().map(form).collect())
        })
    }

    fn some<T>(self, name: &str, value: &Option<T>, form: impl FnOnce(&T) -> Value) -> Self {
        match value {
            Some(value) => self.field(name, form(value)),
            None => self,
        }
    }

    fn map(self, name: &str, entries: BTreeMap<String, Value>) -> Self {
        self.unless(entries.is_empty(), name, || object(entries))
    }
}

fn object(entries: impl IntoIterator<Item = (String, Value)>) -> Value {
    Value::Object(entries.into_iter().collect())
}

fn mapped<T>(map: &BTreeMap<String, T>, form: impl Fn(&T) -> Value) -> BTreeMap<String, Value> {
    map.iter()
        .map(|(key, value)| (key.clone(), form(value)))
        .collect()
}

fn values<T: Clone + Into<Value>>(map: &BTreeMap<String, T>) -> BTreeMap<String, Value> {
    mapped(map, |value| value.clone().into())
}

/// Bytes as Go writes them in JSON.
pub fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_in_padded_base64() {
        for (bytes, expected) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("\u{ff}\u{fe}", "w7/Dvg=="),
        ] {
            assert_eq!(base64(bytes.as_bytes()), expected, "{bytes:?}");
        }
    }
}
