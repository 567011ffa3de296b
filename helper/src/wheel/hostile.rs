//! Wheels that are refused, each with what is said of it.

use std::fs;
use std::os::unix::fs::symlink;

use crate::failure::Kind;
use crate::wheel::craft::{self, Craft, Item};
use crate::wheel::request::{Unpack, VERSION};
use crate::wheel::unpack::unpack;
use crate::wheel::written;

const INFO: &str = "demo-1.0.dist-info";

fn demo() -> Craft {
    Craft::new("demo").file("demo.py", "x = 1\n")
}

/// What is said of a wheel; nothing if it is taken. Whatever is said names the wheel.
fn said(file: &str, bytes: &[u8]) -> Option<String> {
    let top = tempfile::tempdir().expect("a scratch folder");
    written::put(top.path(), 0, file, bytes);
    let out = top.path().join("out");
    fs::create_dir(&out).expect("a folder");
    let request = Unpack {
        version: VERSION,
        wheels: vec![file.to_owned()],
        purelib: "/s".to_owned(),
        platlib: "/s".to_owned(),
        parents: Vec::new(),
    };
    let failure = unpack(top.path(), &out, &request).err()?;
    assert_eq!(failure.kind, Kind::Wheel, "{failure}");
    let start = format!("the wheel {file} is refused: ");
    let rest = failure.sentence.strip_prefix(&start);
    Some(rest.expect("the name of the wheel").to_owned())
}

fn check(name: &str, craft: &Craft, told: &str) {
    let said = said(&craft.file, &craft.bytes());
    let said = said.unwrap_or_else(|| panic!("{name}: taken"));
    assert!(said.contains(told), "{name}: {said}");
}

#[test]
fn a_good_one_is_taken() {
    assert_eq!(said(&demo().file, &demo().bytes()), None);
}

#[test]
fn names_stay_below_the_folder() {
    for (name, told) in [
        ("/etc/passwd", "is absolute"),
        ("../x", "leads to another place"),
        ("a/../../x", "leads to another place"),
        ("a/./x", "leads to another place"),
        ("..", "leads to another place"),
        ("a//b", "has an empty part"),
        ("a//", "has an empty part"),
        ("/", "has an empty part"),
        ("a\\b", "has a backslash"),
        ("C:x", "the letter of a drive"),
        ("a\0b", "has a zero byte"),
        (&"x".repeat(256), "is too long"),
        (&"x/".repeat(2000), "is too long"),
        ("demo-1.0.data/other/x", "no installer knows"),
        ("demo-1.0.data/x", "no installer knows"),
        ("other-1.0.data/data/x", "that of another distribution"),
        ("other-1.0.dist-info/x", "it has both"),
    ] {
        check(name, &demo().file(name, ""), told);
    }
    let mut craft = demo().file("caf\u{e9}", "");
    craft.items.last_mut().expect("an item").name = b"caf\xe9".to_vec();
    check("latin 1", &craft, "not UTF-8");
    // Others read it as an IBM PC would.
    let silent = demo().file("caf\u{e9}", "");
    check(
        "silent",
        &silent,
        "the name `caf\u{e9}` in it is not said to be UTF-8",
    );
}

#[test]
fn nothing_is_there_twice() {
    let file = |name: &str| demo().file(name, "");
    for (craft, told) in [
        (demo().file("demo.py", "x = 2\n"), "it has a name twice"),
        (file("demo.py/x"), "`demo.py` is a file and a folder"),
        (
            file("demo-1.0.data/purelib/demo.py"),
            "it has `/s/demo.py` twice",
        ),
        (
            file("demo-1.0.data/platlib/demo.py/x"),
            "/s/demo.py, where a folder is",
        ),
        (
            demo().item(Item::new("demo.py/", "").mode(0o040_755)),
            "`demo.py` is a file and a folder",
        ),
    ] {
        check(told, &craft, told);
    }
}

#[test]
fn only_plain_files_are_taken() {
    for (item, told) in [
        (
            Item::new("x", "demo.py").mode(0o120_777),
            "a link or a special file",
        ),
        (
            Item::new("x", "").mode(0o020_666),
            "a link or a special file",
        ),
        (
            Item::new("x", "").mode(0o010_644),
            "a link or a special file",
        ),
        (
            Item::new("x", "").mode(0o040_755),
            "a link or a special file",
        ),
        (
            Item::new("x/", "").mode(0o100_644),
            "a link or a special file",
        ),
        (Item::new("x/", "content").mode(0), "a content"),
    ] {
        check(told, &demo().item(item), told);
    }
    let edited = |edit: fn(&mut Item)| demo().edit("demo.py", edit);
    let check = |edit, told: &str| check(told, &edited(edit), told);
    check(|item| item.flags = 1, "`demo.py` in it is encrypted");
    for flags in [1 << 5, 1 << 6, 1 << 13] {
        let patched = demo().edit("demo.py", |item| item.flags = flags);
        self::check("flags", &patched, "in a way that wheels do not use");
    }
    check(
        |item| item.method = 12,
        "compressed in a way that wheels do not use",
    );
    check(
        |item| item.crc = Some(1),
        "`demo.py` in it cannot be read (Invalid checksum)",
    );
    check(|item| item.size = Some(5), "another size than RECORD says");
    check(
        |item| item.local_name = Some(b"demo_py".to_vec()),
        "that can be trusted",
    );
    check(|item| item.offset = Some(0), "that can be trusted");
    // One entry in another.
    let inner = Item::new("inner", "x");
    let outer = Item::new("outer", craft::archive(std::slice::from_ref(&inner)));
    let mut overlapping = demo().file("inner", "x");
    overlapping.items.insert(0, outer);
    overlapping = overlapping.edit("inner", |item| item.offset = Some(30 + 5));
    self::check("overlap", &overlapping, "overlapping entries");
    // Info-ZIP's field for another name: its version, the sum of the name, and the other.
    let named = |name: &str| {
        demo().edit("demo.py", |item| {
            item.extra = vec![0x75, 0x70, name.len() as u8 + 5, 0, 1];
            item.extra.extend(craft::crc(b"demo.py").to_le_bytes());
            item.extra.extend(name.as_bytes());
        })
    };
    self::check("evil", &named("evil.py"), "UnicodePath");
    self::check(
        "demo",
        &named("demo.py"),
        "`demo.py` in it has another name",
    );
}

#[test]
fn what_is_declared_is_bounded() {
    let large = |size| demo().edit("demo.py", |item| item.size = Some(size));
    check(
        "bomb",
        &large(65 << 20),
        "are said to come out of an archive of",
    );
    let mut many = demo();
    for number in 0..9 {
        let mut item = Item::new(&number.to_string(), "");
        item.size = Some(u32::MAX - 1);
        many = many.item(item);
    }
    check("too much", &many, "takes more than 34359738368 bytes");

    // More comes out than is declared, at the end of what is packed.
    let bytes = deflated(&demo().all(), b"demo.py", 5);
    let told = said(&demo().file, &bytes).expect("a refusal");
    assert!(told.contains("another size than RECORD"), "{told}");
    let short = demo().record(|rows| rows.replace(",6\n", ",5\n"));
    let bytes = deflated(&short.all(), b"demo.py", 5);
    let told = said(&demo().file, &bytes).expect("a refusal");
    assert!(told.contains("`demo.py` in it cannot be read"), "{told}");

    let deep = (0..600).fold(demo(), |craft, number| {
        craft.file(&format!("{number}/{}x", "x/".repeat(1000)), "")
    });
    check("deep", &deep, "more than 500000 files and folders");
}

/// An archive whose items are deflated, without compression; one of them says that it has another size.
fn deflated(items: &[Item], name: &[u8], size: u32) -> Vec<u8> {
    let stored = items.iter().cloned().map(|mut item| {
        let length = item.bytes.len();
        item.crc = Some(craft::crc(&item.bytes));
        item.size = Some(if item.name == name {
            size
        } else {
            length as u32
        });
        item.method = 8;
        let [low, high] = (length as u16).to_le_bytes();
        item.bytes = [&[1, low, high, !low, !high], item.bytes.as_slice()].concat();
        item
    });
    craft::archive(&stored.collect::<Vec<_>>())
}

#[test]
fn an_archive_ends_in_one_way() {
    let good = demo().bytes();
    let refused = |name: &str, bytes: &[u8]| {
        let told = said(&demo().file, bytes).unwrap_or_else(|| panic!("{name}: taken"));
        assert!(
            told.contains("not a zip archive that can be trusted"),
            "{name}: {told}"
        );
    };
    refused("nothing", b"");
    refused("no archive", &vec![b'x'; 70_000]);
    refused("cut", &good[..good.len() - 1]);
    refused("bytes behind", &[&good[..], b"x"].concat());
    refused("bytes before", &[b"x", &good[..]].concat());
    refused("two archives", &[&good[..], &good].concat());
    // An end in the comment of another.
    let mut nested = good.clone();
    let end = good[good.len() - 22..].to_vec();
    let at = nested.len() - 2;
    nested[at] = 22;
    nested.extend(&end);
    refused("an end in a comment", &nested);
    let mut fewer = good.clone();
    for at in [good.len() - 14, good.len() - 12] {
        fewer[at] -= 1;
    }
    refused("fewer entries", &fewer);
    // A comment alone is none of ours.
    let mut comment = good.clone();
    let at = comment.len() - 2;
    comment[at] = 5;
    comment.extend(b"hello");
    assert_eq!(said(&demo().file, &comment), None);
    // A file that the directory does not list.
    let mut items = demo().all();
    let hidden = Item::new("hidden.py", "x");
    items.insert(0, hidden);
    let bytes = craft::archive_without(&items, b"hidden.py");
    refused("a hidden file", &bytes);
}

#[test]
fn a_wheel_is_what_its_record_says() {
    let edit = |old: &str, new: &str| {
        demo().record(|rows| {
            assert!(rows.contains(old), "{rows}");
            rows.replace(old, new)
        })
    };
    let row = "demo.py,sha256=";
    for (craft, told) in [
        (
            edit(",6\n", ",7\n"),
            "`demo.py` in it has another size than RECORD says",
        ),
        (
            demo().record(|rows| rows + "more.py,sha256=x,1\n"),
            "RECORD lists `more.py`, which is not there",
        ),
        (
            demo().record(|rows| rows + "demo.py,,\n"),
            "RECORD lists `demo.py` twice, and not alike",
        ),
        (edit(row, "demo.py,md5="), "a hash of `demo.py` by md5"),
        (edit(row, "demo.py,sha1="), "a hash of `demo.py` by sha1"),
        (
            edit(row, "demo.py,sha512="),
            "`demo.py` in it has another hash than RECORD says",
        ),
        (
            edit(row, "demo.py,sha256=?"),
            "RECORD has no hash of `demo.py`",
        ),
        (edit(row, "x.py,sha256="), "RECORD does not list `demo.py`"),
        (
            edit(row, "./demo.py,sha256="),
            "RECORD does not list `demo.py`",
        ),
        (
            demo().record(|rows| rows + "one\n"),
            "its RECORD cannot be read",
        ),
        (demo().record(|_| String::new()), "RECORD does not list"),
    ] {
        check(told, &craft, told);
    }
    let mut changed = demo();
    changed = changed.record(|rows| rows);
    changed = changed.edit("demo.py", |item| item.bytes = b"x = 2\n".to_vec());
    check(
        "hash",
        &changed,
        "`demo.py` in it has another hash than RECORD says",
    );
    // A large one is hashed on another thread.
    let large = demo().file("large", vec![1; 5 << 20]);
    assert_eq!(said(&large.file, &large.bytes()), None);
    let changed = large
        .record(|rows| rows)
        .edit("large", |item| item.bytes[4 << 20] = 2);
    check(
        "hash",
        &changed,
        "`large` in it has another hash than RECORD says",
    );
}

#[test]
fn a_wheel_is_of_one_distribution_and_says_so() {
    let at = |file: &str| format!("{INFO}/{file}");
    let with =
        |file: &str, text: &'static str| demo().edit(&at(file), |item| item.bytes = text.into());
    let entry_points = |text: &str| demo().file(&at("entry_points.txt"), text);
    for (craft, told) in [
        (demo().without(&at("WHEEL")), "it has no WHEEL"),
        (demo().without(&at("METADATA")), "it has no METADATA"),
        (
            with("WHEEL", "Wheel-Version: 2.0\nRoot-Is-Purelib: true\n"),
            "version 2.0 of the format",
        ),
        (
            with("WHEEL", "Root-Is-Purelib: true\n"),
            "its WHEEL does not say `Wheel-Version` once",
        ),
        (
            with("METADATA", "Name: other\nVersion: 1.0\n"),
            "says `Name: other`",
        ),
        (
            with("METADATA", "Name: demo\nVersion: 2\n"),
            "says `Version: 2`",
        ),
        (
            entry_points("[console_scripts]\n../x = a:b\n"),
            "its entry point `../x = a:b`",
        ),
        (
            entry_points("[gui_scripts]\nx = a.b\n"),
            "does not say what is called",
        ),
    ] {
        check(told, &craft, told);
    }
    let mut other = demo();
    other.file = "demo-1.0-py3-none.whl".to_owned();
    check("name", &other, "its name is not that of a wheel");
    for file in ["other-1.0-py3-none-any.whl", "demo-2.0-py3-none-any.whl"] {
        let told = said(file, &demo().bytes()).expect("a refusal");
        assert!(
            told.contains("`demo-1.0.dist-info` is that of another distribution"),
            "{told}"
        );
    }
    let none = craft::archive(&[Item::new("demo.py", "")]);
    let told = said(&demo().file, &none).expect("a refusal");
    assert!(
        told.contains("no folder that ends with `.dist-info`"),
        "{told}"
    );
    let mut items = demo().all();
    items.pop();
    let told = said(&demo().file, &craft::archive(&items)).expect("a refusal");
    assert!(told.contains("it has no RECORD"), "{told}");
}

#[test]
fn what_is_no_file_is_no_wheel() {
    let top = tempfile::tempdir().expect("a scratch folder");
    let file = demo().file;
    let path = written::put(top.path(), 0, &file, b"");
    fs::remove_file(&path).expect("a file");
    symlink("/dev/zero", &path).expect("a link");
    let request = Unpack {
        version: VERSION,
        wheels: vec![file],
        purelib: "/s".to_owned(),
        platlib: "/s".to_owned(),
        parents: Vec::new(),
    };
    let failure = unpack(top.path(), top.path(), &request).expect_err("a refusal");
    assert!(failure.sentence.contains("not a regular file"), "{failure}");
}
