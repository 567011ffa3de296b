//! How large wheels are, where the index does not say: asked of who serves them, by the image's Python, and kept from one build to the
//! next by their sums. What cannot be found out stays unknown.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::imports;
use super::installer::Target;
use super::private::Asking;
use crate::environment::Environment;
use crate::foreign;
use crate::lock::Package;

/// Where sizes are kept, below what the installer keeps.
const FOLDER: &str = "fal-sizes";

/// Reads URLs from a file, each with who asks, and asks for all of them at once. Where another server has the file, it is not told who asks.
const ASK: &str = "\
import base64, concurrent.futures, json, sys, urllib.parse, urllib.request
def size(asked):
    try:
        url, user = asked
        asked = urllib.request.Request(url, method='HEAD')
        if user:
            name, _, word = user.partition(':')
            pair = urllib.parse.unquote_to_bytes(name) + b':' + urllib.parse.unquote_to_bytes(word)
            asked.add_unredirected_header('Authorization', 'Basic ' + base64.b64encode(pair).decode())
        with urllib.request.urlopen(asked, timeout=10) as answer:
            return int(answer.headers['Content-Length'])
    except Exception:
        return None
urls = json.load(open(sys.argv[1]))
with concurrent.futures.ThreadPoolExecutor(16) as pool:
    print('fal:' + json.dumps(dict(zip([url for url, _ in urls], pool.map(size, urls)))))
";

/// Fills in the sizes that are missing.
pub(super) fn complete(
    packages: &mut [Package],
    python: &Path,
    environment: &Environment,
    target: &Target<'_>,
    cache: &Path,
    asking: &Asking,
) {
    let kept = cache.join(FOLDER);
    let wheels = || packages.iter().filter_map(Package::wheel);
    let unknown: Vec<(&str, Option<&str>)> = wheels()
        .filter(|wheel| wheel.size.is_none() && read(&kept.join(&wheel.sha256)).is_none())
        .map(|wheel| (wheel.url.as_str(), asking.user_of(&wheel.url)))
        .collect();
    let found = match unknown.is_empty() {
        true => BTreeMap::new(),
        false => ask(&unknown, python, environment, target.scratch).unwrap_or_default(),
    };
    let _ = fs::create_dir_all(&kept);
    for package in packages {
        let Some(wheel) = package.source.file_mut().filter(|it| it.size.is_none()) else {
            continue;
        };
        let file = kept.join(&wheel.sha256);
        wheel.size = found.get(&wheel.url).copied().flatten();
        match wheel.size {
            Some(size) => {
                let _ = foreign::replace(&file, size.to_string().as_bytes());
            }
            None => wheel.size = read(&file),
        }
    }
}

fn ask(
    urls: &[(&str, Option<&str>)],
    python: &Path,
    environment: &Environment,
    scratch: &Path,
) -> Option<BTreeMap<String, Option<u64>>> {
    let list = scratch.join("urls.json");
    fs::write(&list, serde_json::to_string(urls).ok()?).ok()?;
    imports::ask(python, ASK, &[list.into()], environment).ok()
}

/// A file that some other build may have written.
fn read(file: &Path) -> Option<u64> {
    const DIGITS: u64 = 20;
    let bytes = foreign::read(file, DIGITS).ok()?;
    String::from_utf8(bytes).ok()?.parse().ok()
}
