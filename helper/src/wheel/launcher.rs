//! What a script begins with, and what a script of an entry point is.
//!
//! Takes the path of an interpreter, and what is called; gives text. Knows nothing of files.

use crate::wheel::entry_points::Call;

/// How long the first line of a script can be, with its end, for every kernel that runs one.
const MOST_SHEBANG: usize = 127;

/// The first line of a script, or the first three where a kernel would not take one.
pub(super) fn shebang(interpreter: &str) -> String {
    let line = format!("#!{interpreter}\n");
    if line.len() <= MOST_SHEBANG && !interpreter.contains(' ') {
        return line;
    }
    // To a shell this starts the interpreter, to which it is a string. The path has no quote in it.
    format!("#!/bin/sh\n'''exec' '{interpreter}' \"$0\" \"$@\"\n' '''\n")
}

/// The script that calls an entry point.
pub(super) fn script(interpreter: &str, call: &Call) -> String {
    let Call { module, object } = call;
    let first = object.split('.').next().unwrap_or(object);
    format!(
        "{}import sys\n\nfrom {module} import {first}\n\nif __name__ == \"__main__\":\n    sys.exit({object}())\n",
        shebang(interpreter)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shebang_is_one_that_a_kernel_takes() {
        let long = format!("/{}", "x".repeat(123));
        assert_eq!(shebang("/usr/bin/python3"), "#!/usr/bin/python3\n");
        assert_eq!(shebang(&long), format!("#!{long}\n"));
        for interpreter in [format!("{long}x"), "/a b/python".to_owned()] {
            assert_eq!(
                shebang(&interpreter),
                format!("#!/bin/sh\n'''exec' '{interpreter}' \"$0\" \"$@\"\n' '''\n")
            );
        }
    }

    #[test]
    fn a_script_calls_what_the_entry_point_names() {
        let call = Call {
            module: "a.b".to_owned(),
            object: "C.main".to_owned(),
        };
        assert_eq!(
            script("/python", &call),
            "#!/python\nimport sys\n\nfrom a.b import C\n\nif __name__ == \"__main__\":\n    sys.exit(C.main())\n"
        );
    }
}
