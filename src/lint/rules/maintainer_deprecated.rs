//! No MAINTAINER.

use crate::{
    lint::{Moment, Rule},
    syntax::Keyword,
};

pub(in crate::lint) const RULE: Rule = Rule {
    name: "MaintainerDeprecated",
    description: "The MAINTAINER instruction is deprecated, use a label instead to define an image author",
    url: Some("https://docs.docker.com/go/dockerfile/rule/maintainer-deprecated/"),
    is_experimental: false,
    documentation: include_str!("maintainer_deprecated.md"),
    check,
};

fn check(moment: &Moment<'_>) -> Option<String> {
    let Moment::Written(written) = moment else {
        return None;
    };
    (written.kind() == Some(Keyword::Maintainer))
        .then(|| "Maintainer instruction is deprecated in favor of using label".to_owned())
}
