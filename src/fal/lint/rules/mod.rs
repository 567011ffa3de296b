//! The rules, one file each. Their pages are in `docs/rules`.

mod apt_lists_left;
mod binds_loopback;
mod cache_mount_unused;
mod copy_before_install;
mod curl_missing;
mod data_hidden;
mod empty_path_entry;
mod hf_home_elsewhere;
mod packages_lost;
mod port_mismatch;
mod pwd_in_env;
mod python_mismatch;
mod python_not_on_path;
mod runtime_packages;
mod secret_in_text;
mod source_not_uploaded;
mod source_taken_for_local;
mod unpinned_install;

use crate::lint::Rule;

use super::{RuleReport, View};

/// What a rule does with a file.
type Check = fn(&View<'_>, &mut RuleReport<'_, '_>);

/// Every rule, in the order of the documentation.
pub(super) static RULES: &[(Rule, Check)] = &[
    (curl_missing::RULE, curl_missing::check),
    (python_mismatch::RULE, python_mismatch::check),
    (python_not_on_path::RULE, python_not_on_path::check),
    (runtime_packages::NOT_LAST, runtime_packages::not_last),
    (runtime_packages::OTHER_PINS, runtime_packages::other_pins),
    (packages_lost::RULE, packages_lost::check),
    (source_not_uploaded::RULE, source_not_uploaded::check),
    (source_taken_for_local::RULE, source_taken_for_local::check),
    (secret_in_text::RULE, secret_in_text::check),
    (port_mismatch::RULE, port_mismatch::check),
    (binds_loopback::RULE, binds_loopback::check),
    (data_hidden::RULE, data_hidden::check),
    (hf_home_elsewhere::RULE, hf_home_elsewhere::check),
    (pwd_in_env::RULE, pwd_in_env::check),
    (empty_path_entry::RULE, empty_path_entry::check),
    (unpinned_install::RULE, unpinned_install::check),
    (copy_before_install::RULE, copy_before_install::check),
    (cache_mount_unused::RULE, cache_mount_unused::check),
    (apt_lists_left::RULE, apt_lists_left::check),
];

/// Every rule, in the order of the documentation.
pub fn all() -> impl Iterator<Item = &'static Rule> {
    RULES.iter().map(|(rule, _)| rule)
}

/// A rule by its name and what is wrong in general, with its page.
macro_rules! rule {
    ($name:literal, $description:literal) => {
        crate::lint::Rule::of_whole_files(
            concat!("fal/", $name),
            $description,
            concat!(
                "https://github.com/myorg/fal-frontend/blob/main/docs/rules/",
                $name,
                ".md"
            ),
            include_str!(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/docs/rules/",
                $name,
                ".md"
            )),
        )
    };
}
use rule;
