//! Gets Debian's `rust-src` package of a given release. It contains the standard library's source with all the crates
//! it needs, so that the build needs no network.
//!
//! apt's own configuration, lists and caches are not changed.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail, ensure};

use crate::command::{ProgramOutput, capture, find, needed};
use crate::files::check_sha256;

/// Debian suites with recent compilers. The likeliest comes first.
const SUITES: [&str; 4] = ["trixie-backports", "bookworm-backports", "testing", "unstable"];

/// Known packages: release, path in the mirror, SHA-256.
const KNOWN: [(&str, &str, &str); 1] = [(
    "1.95.0",
    "pool/main/r/rustc/rust-src_1.95.0+dfsg1-2~bpo13+1_all.deb",
    "7b76db5b880a77f9e52975d2baa6209d2f76d2c9c2789515c3088cb960e2c83b",
)];

/// Mirror to use when apt's configuration names none.
const MIRROR: &str = "http://deb.debian.org/debian";

const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// Gets the package into `folder`. Returns its path and where it came from.
pub(super) fn rust_src(release: &str, folder: &Path) -> anyhow::Result<(PathBuf, String)> {
    needed("dpkg-deb")?;
    let mut errors = Vec::new();
    if find(&["apt-get"]).is_some() {
        let configured = Apt::configured(folder);
        match configured.download(release) {
            Ok(package) => return Ok((package, "Debian's rust-src, from apt as configured".to_owned())),
            Err(error) => errors.push(format!("apt as configured: {error:#}")),
        }
        for suite in SUITES {
            match Apt::of_suite(suite, folder).and_then(|apt| apt.download(release)) {
                Ok(package) => return Ok((package, format!("Debian's rust-src, from {suite}"))),
                Err(error) => errors.push(format!("{suite}: {error:#}")),
            }
        }
    }
    match known_package(release, folder) {
        Ok(package) => Ok((package, "Debian's rust-src, from its known path".to_owned())),
        Err(error) => {
            errors.push(format!("known path: {error:#}"));
            bail!("rust-src {release} not found ({})", errors.join("; "))
        }
    }
}

/// apt with options that keep it from changing the system's state.
struct Apt {
    options: Vec<String>,
    folder: PathBuf,
}

impl Apt {
    fn configured(folder: &Path) -> Self {
        let options = ["Dir::Cache::pkgcache=", "Dir::Cache::srcpkgcache=", "APT::Sandbox::User=root"];
        Self { options: options.map(str::to_owned).to_vec(), folder: folder.to_path_buf() }
    }

    /// apt with one suite of the mirror and a state folder of its own. Fetches the suite's lists.
    fn of_suite(suite: &str, folder: &Path) -> anyhow::Result<Self> {
        let own = folder.join(suite);
        for part in ["lists/partial", "archives/partial"] {
            std::fs::create_dir_all(own.join(part))?;
        }
        let signed =
            if Path::new(KEYRING).is_file() { format!(" [signed-by={KEYRING}]") } else { String::new() };
        std::fs::write(own.join("sources.list"), format!("deb{signed} {} {suite} main\n", mirror()))?;
        let own_text = own.display();
        let mut apt = Self::configured(folder);
        apt.options.extend([
            format!("Dir::Etc::sourcelist={own_text}/sources.list"),
            "Dir::Etc::sourceparts=/dev/null".to_owned(),
            format!("Dir::State::lists={own_text}/lists"),
            format!("Dir::Cache={own_text}"),
            format!("Dir::Cache::archives={own_text}/archives"),
            "APT::Get::List-Cleanup=0".to_owned(),
            "APT::Update::Post-Invoke::=".to_owned(),
            "APT::Update::Post-Invoke-Success::=".to_owned(),
            "Acquire::Languages=none".to_owned(),
            "Acquire::Retries=2".to_owned(),
            "Acquire::http::Timeout=30".to_owned(),
        ]);
        let output = apt.ask("apt-get", &["update"], 180)?;
        let failed = output.text.lines().any(|line| line.starts_with("E:") || line.starts_with("W: Failed"));
        ensure!(output.is_success && !failed, "{}", output.error_line());
        Ok(apt)
    }

    fn download(&self, release: &str) -> anyhow::Result<PathBuf> {
        let output = self.ask("apt-cache", &["madison", "rust-src"], 60)?;
        let version =
            version_of(&output.text, release).ok_or_else(|| anyhow!("has no rust-src {release}"))?;
        let output = self.ask("apt-get", &["download", &format!("rust-src={version}")], 300)?;
        ensure!(output.is_success, "downloading rust-src={version}: {}", output.error_line());
        let is_package = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "deb");
        let mut entries = std::fs::read_dir(&self.folder)?.flatten().map(|entry| entry.path());
        entries.find(is_package).context("apt-get download left no package")
    }

    fn ask(&self, program: &str, arguments: &[&str], limit_s: u64) -> anyhow::Result<ProgramOutput> {
        let mut command = Command::new(program);
        command.current_dir(&self.folder).env("LC_ALL", "C").env("DEBIAN_FRONTEND", "noninteractive");
        for option in &self.options {
            command.args(["-o", option]);
        }
        capture(command.args(arguments), Duration::from_secs(limit_s))
    }
}

/// The newest version in the table of `apt-cache madison` that packages exactly this release.
fn version_of<'a>(table: &'a str, release: &str) -> Option<&'a str> {
    let versions = table.lines().filter_map(|line| line.split('|').nth(1)).map(str::trim);
    versions.into_iter().find(|version| {
        version.strip_prefix(release).is_some_and(|rest| rest.is_empty() || rest.starts_with(['+', '~', '-']))
    })
}

/// The mirror that apt uses, so that a proxy or a local mirror is honoured.
fn mirror() -> String {
    let mut apt = Command::new("apt-get");
    apt.args(["indextargets", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)"]);
    let targets = capture(&mut apt, Duration::from_secs(30)).map(|output| output.text).unwrap_or_default();
    let ours = targets.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        let (base, suite, component) = (words.next()?, words.next()?, words.next()?);
        (component == "main" && !base.contains("security") && !suite.contains("security")).then_some(base)
    });
    ours.filter(|base| base.contains("debian")).unwrap_or(MIRROR).trim_end_matches('/').to_owned()
}

fn known_package(release: &str, folder: &Path) -> anyhow::Result<PathBuf> {
    let known = KNOWN.iter().find(|(known, ..)| *known == release);
    let (_, path, sum) = known.ok_or_else(|| anyhow!("none is known for {release}"))?;
    let url = format!("{}/{path}", mirror());
    let package = folder.join("rust-src.deb");
    let mut get = if let Some(curl) = find(&["curl"]) {
        let mut get = Command::new(curl);
        get.args(["-sSfL", "--retry", "2", "-o"]).arg(&package).arg(&url);
        get
    } else {
        let mut get = Command::new(needed("wget").context("neither curl nor wget")?);
        get.arg("-nv").arg("-O").arg(&package).arg(&url);
        get
    };
    let output = capture(&mut get, Duration::from_secs(300))?;
    ensure!(output.is_success, "{}", output.error_line());
    check_sha256(&package, sum)?;
    Ok(package)
}

#[cfg(test)]
mod tests {
    use super::version_of;

    #[test]
    fn only_packages_of_the_very_release_are_taken() {
        let table = "  rust-src | 1.95.1+dfsg1-1 | http://mirror testing/main\n\
                       rust-src | 1.95.0+dfsg1-2~bpo13+1 | http://mirror trixie-backports/main\n";
        assert_eq!(version_of(table, "1.95.0"), Some("1.95.0+dfsg1-2~bpo13+1"));
        assert_eq!(version_of(table, "1.95"), None);
        assert_eq!(version_of("", "1.95.0"), None);
    }
}
