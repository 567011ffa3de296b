//! The names of the instructions.

use crate::golang;

/// An instruction's name. The table below is the whole language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each is the instruction it is named after")]
pub enum Keyword {
    Add,
    Arg,
    Cmd,
    Copy,
    Entrypoint,
    Env,
    Expose,
    From,
    Healthcheck,
    Label,
    Maintainer,
    Onbuild,
    Run,
    Shell,
    Stopsignal,
    User,
    Volume,
    Workdir,
}

const TABLE: [(&str, Keyword); 18] = [
    ("ADD", Keyword::Add),
    ("ARG", Keyword::Arg),
    ("CMD", Keyword::Cmd),
    ("COPY", Keyword::Copy),
    ("ENTRYPOINT", Keyword::Entrypoint),
    ("ENV", Keyword::Env),
    ("EXPOSE", Keyword::Expose),
    ("FROM", Keyword::From),
    ("HEALTHCHECK", Keyword::Healthcheck),
    ("LABEL", Keyword::Label),
    ("MAINTAINER", Keyword::Maintainer),
    ("ONBUILD", Keyword::Onbuild),
    ("RUN", Keyword::Run),
    ("SHELL", Keyword::Shell),
    ("STOPSIGNAL", Keyword::Stopsignal),
    ("USER", Keyword::User),
    ("VOLUME", Keyword::Volume),
    ("WORKDIR", Keyword::Workdir),
];

impl Keyword {
    /// Reads a keyword, whatever its case.
    pub fn read(word: &str) -> Option<Self> {
        if word.is_ascii() {
            return find(word);
        }
        // Go lowers U+212A KELVIN SIGN to `k`, so `WOR\u{212a}DIR` is an instruction.
        find(&golang::to_lower(word))
    }

    /// The name in capitals.
    pub fn name(self) -> &'static str {
        let entry = TABLE.iter().find(|(_, keyword)| *keyword == self);
        entry.map_or("", |(name, _)| name)
    }

    /// Every name in capitals, in alphabetical order.
    pub fn names() -> impl Iterator<Item = &'static str> {
        TABLE.iter().map(|(name, _)| *name)
    }

    /// Whether `<<EOF` opens a here-document in its arguments.
    pub(super) fn takes_heredocs(self) -> bool {
        matches!(self, Self::Add | Self::Copy | Self::Run)
    }
}

fn find(word: &str) -> Option<Keyword> {
    let entry = TABLE
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(word));
    entry.map(|(_, keyword)| *keyword)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keyword_is_read_in_any_case() {
        for (name, keyword) in TABLE {
            assert_eq!(Keyword::read(name), Some(keyword));
            assert_eq!(Keyword::read(&name.to_lowercase()), Some(keyword));
            assert_eq!(keyword.name(), name);
        }
        assert_eq!(Keyword::read("wOR\u{212a}dIR"), Some(Keyword::Workdir));
        assert_eq!(Keyword::read("COPYY"), None);
        assert_eq!(Keyword::read(""), None);
    }
}
