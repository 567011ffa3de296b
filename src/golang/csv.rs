//! One line of comma-separated values, as `tonistiigi/go-csvvalue` reads it.
//!
//! Flags such as `--mount=type=bind,"source=a,b"` and options such as `attest:sbom` are written so.

/// The fields of the line; those in double quotes may hold commas, and quotes when doubled.
///
/// One newline at the end is no part of the last field. A line of nothing is an error: `EOF`.
pub fn fields(line: &str) -> Result<Vec<String>, String> {
    let line = match line.strip_suffix('\n') {
        Some(line) => line.strip_suffix('\r').unwrap_or(line),
        None => line,
    };
    if line.is_empty() {
        return Err("EOF".to_owned());
    }
    let mut fields = Vec::new();
    let mut rest = Some(line);
    while let Some(text) = rest {
        let before = line.len() - text.len();
        let field;
        (field, rest) = match text.strip_prefix('"') {
            Some(inside) => quoted(inside, before + 1)?,
            None => bare(text, before)?,
        };
        fields.push(field);
    }
    Ok(fields)
}

/// A field, and the text behind its comma when there is one.
type Field<'a> = (String, Option<&'a str>);

fn bare(text: &str, before: usize) -> Result<Field<'_>, String> {
    let (field, rest) = match text.split_once(',') {
        Some((field, rest)) => (field, Some(rest)),
        None => (text, None),
    };
    match field.find('"') {
        Some(at) => Err(message(before + at, "bare \" in non-quoted-field")),
        None => Ok((field.to_owned(), rest)),
    }
}

/// The opening quote has been read; `before` bytes of the line stand before `text`.
fn quoted(text: &str, before: usize) -> Result<Field<'_>, String> {
    const UNBALANCED: &str = "extraneous or missing \" in quoted-field";
    let mut field = String::new();
    let mut rest = text;
    let read = |rest: &str| before + text.len() - rest.len();
    loop {
        let Some((part, behind)) = rest.split_once('"') else {
            return Err(message(read(rest), UNBALANCED));
        };
        field.push_str(part);
        let quote_at = read(behind) - 1;
        match behind.strip_prefix('"') {
            Some(after_double) => {
                field.push('"');
                rest = after_double;
            }
            None if behind.is_empty() => return Ok((field, None)),
            None => {
                let next = behind.strip_prefix(',');
                let next = next.ok_or_else(|| message(quote_at, UNBALANCED))?;
                return Ok((field, Some(next)));
            }
        }
    }
}

fn message(at: usize, problem: &str) -> String {
    format!("parse error on line 1, column {}: {problem}", at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_split_at_commas() {
        for (line, expected) in [
            ("a,b", vec!["a", "b"]),
            ("a", vec!["a"]),
            ("a,", vec!["a", ""]),
            (",", vec!["", ""]),
            ("a, b\r\n", vec!["a", " b"]),
            (r#""a,b",c"#, vec!["a,b", "c"]),
            (r#""a ""b""","#, vec!["a \"b\"", ""]),
            (r#""""#, vec![""]),
            ("a\nb", vec!["a\nb"]),
        ] {
            let expected: Vec<String> = expected.into_iter().map(String::from).collect();
            assert_eq!(fields(line), Ok(expected), "{line:?}");
        }
    }

    #[test]
    fn complaints_name_the_column() {
        for (line, complaint) in [
            ("", "EOF"),
            ("\n", "EOF"),
            (
                "é,a\"b",
                "parse error on line 1, column 5: bare \" in non-quoted-field",
            ),
            (
                "\"a",
                "parse error on line 1, column 2: extraneous or missing \" in quoted-field",
            ),
            (
                "\"a\"b",
                "parse error on line 1, column 3: extraneous or missing \" in quoted-field",
            ),
        ] {
            assert_eq!(fields(line), Err(complaint.to_owned()), "{line:?}");
        }
    }
}
