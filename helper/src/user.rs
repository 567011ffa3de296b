//! As whom the image's processes run, and what is closed to them.
//!
//! Takes USER as the image's config has it, and a root; gives numbers, as container runtimes find them in `/etc/passwd` and
//! `/etc/group`, and the first place on a path that its permissions keep them out of. Access lists are not read.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::root::Root;

const FILE_LIMIT: u64 = 1024 * 1024;

/// Permissions of a directory that is entered, or a program that is run.
const ENTER: u32 = 0o1;

/// A user as numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    id: u32,
    groups: Vec<u32>,
}

/// A name that no file of the image has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// Of the user.
    User,
    /// Of the group.
    Group,
}

/// The user of `USER name[:group]`; an empty one is root.
pub fn find(root: &Root, spelled: &str) -> Result<User, Unknown> {
    let (user, group) = match spelled.split_once(':') {
        Some((user, group)) => (user, Some(group).filter(|group| !group.is_empty())),
        None => (spelled, None),
    };
    let user = if user.is_empty() { "0" } else { user };
    let passwd = lines(root, "/etc/passwd");
    let entry = entry(&passwd, user);
    let number = |entry: Option<&Vec<String>>, field: usize| entry?.get(field)?.parse().ok();
    let id = number(entry, 2)
        .or(user.parse().ok())
        .ok_or(Unknown::User)?;
    let all = lines(root, "/etc/group");
    if let Some(group) = group {
        let found = number(self::entry(&all, group), 2).or(group.parse().ok());
        let groups = vec![found.ok_or(Unknown::Group)?];
        return Ok(User { id, groups });
    }
    let mut groups = vec![number(entry, 3).unwrap_or(0)];
    if let Some(name) = entry.and_then(|entry| entry.first()) {
        let is_member = |group: &&Vec<String>| {
            group
                .get(3)
                .is_some_and(|members| members.split(',').any(|it| it == name))
        };
        let more = all.iter().filter(is_member);
        groups.extend(more.filter_map(|group| number(Some(group), 2)));
    }
    Ok(User { id, groups })
}

fn lines(root: &Root, file: &str) -> Vec<Vec<String>> {
    let text = root.read_text(Path::new(file), FILE_LIMIT);
    let text = text.unwrap_or_default();
    text.lines()
        .map(|line| line.split(':').map(str::to_owned).collect())
        .collect()
}

/// The line that has a name; else the one that has it as its number.
fn entry<'a>(lines: &'a [Vec<String>], name: &str) -> Option<&'a Vec<String>> {
    let has = |field: usize| {
        lines
            .iter()
            .find(move |line| line.get(field).is_some_and(|it| it == name))
    };
    has(0).or_else(|| has(2))
}

impl User {
    /// The first directory on the way to `path`, or the path itself, that this user may not enter or run.
    pub fn closed(&self, root: &Root, path: &Path) -> Option<PathBuf> {
        if self.id == 0 {
            return None;
        }
        // The way to the name, and the way to what its links lead to.
        let named = path.parent().and_then(|parent| root.resolve(parent).ok());
        let found = root.resolve(path).ok();
        let ways = named.into_iter().chain(found).map(|it| it.path);
        ways.flat_map(|way| {
            let mut way: Vec<PathBuf> = way.ancestors().map(Path::to_owned).collect();
            way.reverse();
            way
        })
        .find(|place| !self.may_enter(root, place))
    }

    fn may_enter(&self, root: &Root, place: &Path) -> bool {
        let Ok(found) = root.resolve(place) else {
            return true;
        };
        let metadata = found.metadata;
        let shift = if metadata.uid() == self.id {
            6
        } else if self.groups.contains(&metadata.gid()) {
            3
        } else {
            0
        };
        metadata.mode() >> shift & ENTER != 0
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::python::find::tests::Image;

    #[test]
    fn users_as_runtimes_find_them() {
        let image = Image::new()
            .file(
                "/etc/passwd",
                "root:x:0:0::/root:/bin/sh\napp:x:1000:1001::/home/app:/bin/sh\n7:x:8:9::/:/bin/sh\nodd\n",
            )
            .file("/etc/group", "root:x:0:\nwheel:x:10:other,app\nstaff:x:50:\n");
        let user = |id, groups: &[u32]| {
            let groups = groups.to_vec();
            Ok(User { id, groups })
        };
        for (spelled, expected) in [
            ("", user(0, &[0])),
            ("app", user(1000, &[1001, 10])),
            ("1000", user(1000, &[1001, 10])),
            ("app:staff", user(1000, &[50])),
            ("app:", user(1000, &[1001, 10])),
            ("2000", user(2000, &[0])),
            ("2000:3000", user(2000, &[3000])),
            ("7", user(8, &[9])),
            ("nobody", Err(Unknown::User)),
            ("app:none", Err(Unknown::Group)),
        ] {
            assert_eq!(find(&image.root, spelled), expected, "{spelled}");
        }
        assert_eq!(find(&Image::new().root, "root"), Err(Unknown::User));
    }

    #[test]
    fn what_is_closed() {
        let image = Image::new()
            .program("/root/python/bin/python", "")
            .link("/usr/bin/python", "/root/python/bin/python");
        let root = image.root.host(Path::new("/root"));
        fs::set_permissions(root, fs::Permissions::from_mode(0o700)).expect("a mode");
        let owner = fs::metadata(image.root.host(Path::new("/root"))).expect("a folder");
        let python = Path::new("/usr/bin/python");
        // Whoever runs the tests owns the folders.
        let stranger = User {
            id: owner.uid() + 1,
            groups: vec![owner.gid() + 1],
        };
        let top = fs::Permissions::from_mode(0o755);
        fs::set_permissions(image.root.host(Path::new("/")), top).expect("a mode");
        let closed = stranger.closed(&image.root, python);
        assert_eq!(closed.as_deref(), Some(Path::new("/root")));
        assert_eq!(stranger.closed(&image.root, Path::new("/usr/bin")), None);
        let owner = User {
            id: owner.uid(),
            groups: Vec::new(),
        };
        assert_eq!(owner.closed(&image.root, python), None);
    }
}
