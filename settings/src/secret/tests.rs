use std::fs;
use std::time::{Duration, SystemTime};

use super::*;

struct File {
    folder: tempfile::TempDir,
}

impl File {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("secret")
    }

    fn write(&self, text: &str) {
        fs::write(self.path(), text).unwrap();
    }

    /// Replaces the file with another one that has this time, as `mv` does.
    fn replace(&self, text: &str, modified: SystemTime) {
        let new = self.folder.path().join("new");
        fs::write(&new, text).unwrap();
        fs::File::options().write(true).open(&new).unwrap().set_modified(modified).unwrap();
        fs::rename(&new, self.path()).unwrap();
    }
}

fn shown(secret: &SecretSource) -> Option<String> {
    secret.current().map(|secret| secret.expose_secret().to_owned())
}

#[test]
fn a_file_may_come_later_and_is_read_again_when_it_changes() {
    let file = File::new();
    let secret = SecretSource::file(file.path());
    assert!(secret.newest().unwrap_err().contains("cannot be read"));
    file.write("");
    assert!(secret.newest().unwrap_err().ends_with("is empty"));
    file.write("first\n");
    assert_eq!(shown(&secret).as_deref(), Some("first"));
    file.write("another\n");
    assert_eq!(shown(&secret).as_deref(), Some("another"));
}

#[test]
fn another_secret_of_the_same_length_and_time_is_noticed() {
    let file = File::new();
    let then = SystemTime::now() - Duration::from_secs(3600);
    file.replace("first!", then);
    let secret = SecretSource::file(file.path());
    assert_eq!(shown(&secret).as_deref(), Some("first!"));
    file.replace("second", then);
    assert_eq!(shown(&secret).as_deref(), Some("second"));
}

#[test]
fn an_emptied_unusable_or_vanished_file_keeps_the_last_good_secret() {
    let file = File::new();
    file.write("good");
    let secret = SecretSource::file(file.path());
    let secret = secret.checked(SecretForm::Token).unwrap();
    assert_eq!(shown(&secret).as_deref(), Some("good"));
    assert!(!secret.is_spoilt());
    for unusable in ["", "\n", " , ", "two words", "a\ttab", "a–dash", "good,older–one", "Bearer good"] {
        file.write(unusable);
        assert_eq!(shown(&secret).as_deref(), Some("good"), "{unusable:?}");
        assert!(secret.is_spoilt(), "{unusable:?}");
    }
    fs::remove_file(file.path()).unwrap();
    assert_eq!(shown(&secret).as_deref(), Some("good"));
    fs::create_dir(file.path()).unwrap();
    assert_eq!(shown(&secret).as_deref(), Some("good"));
    fs::remove_dir(file.path()).unwrap();
    file.write("better");
    assert_eq!(shown(&secret).as_deref(), Some("better"));
    assert!(!secret.clone().is_spoilt(), "a clone looks at the same file");
}

#[test]
fn a_list_has_the_newest_first_and_no_empty_parts() {
    let secret = SecretSource::inline(" newest, ,older ");
    let list: Vec<_> = secret.list().iter().map(|part| part.expose_secret().to_owned()).collect();
    assert_eq!(list, ["newest", "older"]);
    assert_eq!(secret.newest().unwrap().expose_secret(), "newest");
    assert!(SecretSource::inline(",").newest().is_err());
}

#[test]
fn debug_shows_no_part_of_it() {
    let file = File::new();
    file.write("s3cret");
    for secret in [SecretSource::inline("s3cret"), SecretSource::file(file.path())] {
        assert!(secret.current().is_some() && !format!("{secret:?}").contains("s3cret"));
    }
}

#[test]
fn each_form_has_its_texts() {
    let taken = |text: &str, form| SecretSource::inline(text).checked(form).is_ok();
    for (text, forms) in [
        ("EAABwz_x|y-1", [true, true, true]),
        ("newest, older", [true, true, true]),
        ("\"EAAB\"", [true, true, false]),
        ("newest,'older'", [true, true, false]),
        ("EAAB#live", [true, true, false]),
        ("EAAB # live", [true, false, false]),
        ("Bearer EAAB", [true, false, false]),
        ("bearer\tEAAB", [true, false, false]),
        ("EA AB", [true, false, false]),
        ("EA\tAB", [true, false, false]),
        ("EA–AB", [true, false, false]),
        ("newest,old er", [true, false, false]),
        (",", [false, false, false]),
        ("", [false, false, false]),
    ] {
        let found = [SecretForm::Any, SecretForm::Token, SecretForm::Issued].map(|form| taken(text, form));
        assert_eq!(found, forms, "{text:?}");
    }
}

#[test]
fn a_file_is_checked_at_the_start_and_may_be_empty() {
    let file = File::new();
    let secret = SecretSource::file(file.path()).checked(SecretForm::Issued).unwrap();
    assert!(secret.check_file().unwrap_err().contains("cannot be read"));
    file.write("");
    assert_eq!(secret.check_file(), Ok(()));
    file.write("\"s3cret\"");
    let error = secret.check_file().unwrap_err();
    assert!(error.ends_with("must not stand in quotes") && !error.contains("s3cret"), "{error}");
}
