//! What uv prints of what it would install → distributions with their versions.

use std::collections::BTreeMap;

use crate::python::dist_info::normalise;

/// What would be installed, by name.
pub(super) type Plan = BTreeMap<String, Planned>;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Planned {
    /// Its version, where uv says one.
    pub(super) version: Option<String>,
    /// Where it comes from, if that is not an index.
    pub(super) url: Option<String>,
}

/// ` + name==version` or ` + name @ URL`, as uv prints it.
pub(super) fn added(printed: &str) -> Result<Plan, String> {
    let lines = printed.lines().filter_map(|line| {
        let line = line.trim();
        line.strip_prefix("+ ").or_else(|| line.strip_prefix("~ "))
    });
    let pin = |line: &str| {
        let some = |text: &str| Some(text.trim().to_owned());
        if let Some((name, url)) = line.split_once(" @ ") {
            let (version, url) = (None, some(url));
            return Ok((normalise(name), Planned { version, url }));
        }
        let (pin, url) = match line.split_once(" (from ") {
            Some((pin, url)) => (pin, some(url.trim_end_matches(')'))),
            None => (line, None),
        };
        let (name, version) = pin
            .split_once("==")
            .ok_or_else(|| format!("{line} has no version"))?;
        let version = some(version);
        Ok((normalise(name), Planned { version, url }))
    };
    lines.map(pin).collect()
}

/// ` - name==version`, as uv prints what would go, and `~` where the same version comes again.
pub(super) fn removed(printed: &str) -> BTreeMap<String, String> {
    let lines = printed.lines().filter_map(|line| {
        let line = line.trim();
        let pin = line
            .strip_prefix("- ")
            .or_else(|| line.strip_prefix("~ "))?;
        let (name, version) = pin.split_once("==")?;
        let version = version.split_whitespace().next()?;
        Some((normalise(name), version.to_owned()))
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_be_installed_is_read_off_what_uv_prints() {
        let printed = "Using Python 3.11.7 environment at: /usr/local\nResolved 10 packages in 4ms\nWould download 2 packages\n \
                       + Foo.Bar==2.2.3\n - requests==2.31.0\n + requests==2.32.3\n ~ torch==2.6.0+cu124\n";
        let gone = [("requests", "2.31.0"), ("torch", "2.6.0+cu124")];
        let gone = gone.map(|(name, version)| (name.to_owned(), version.to_owned()));
        assert_eq!(removed(printed), BTreeMap::from(gone));
        assert_eq!(removed(" - a==1 (from file:///a)\n - b\n").len(), 1);
        let plan = added(printed).expect("a plan");
        let plan: Vec<String> = plan
            .iter()
            .map(|(name, planned)| {
                format!("{name} {}", planned.version.as_deref().unwrap_or_default())
            })
            .collect();
        assert_eq!(
            plan,
            ["foo-bar 2.2.3", "requests 2.32.3", "torch 2.6.0+cu124"]
        );
        let from = "https://h/a-1-py3-none-any.whl";
        for printed in [
            format!(" + a==1 (from {from})\n"),
            format!(" + a @ {from}\n"),
        ] {
            let plan = added(&printed).expect("a plan");
            assert_eq!(plan["a"].url.as_deref(), Some(from), "{printed}");
        }
        assert_eq!(added("Audited 3 packages in 1ms\n"), Ok(BTreeMap::new()));
    }
}
