use super::*;

fn read(pairs: &[(&str, &str)]) -> Result<Source, String> {
    let pairs = pairs.iter().copied();
    Source::from_variables(Program::Server, pairs).map_err(|error| error.to_string())
}

fn file_error(text: &str) -> String {
    Source::default().with_file(text).expect_err("must be refused").to_string()
}

#[test]
fn the_environment_wins_over_the_file_and_the_file_over_the_default() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tandem.toml");
    std::fs::write(&path, "join_wait = '9s'\nretention = '40d'\nfacebook_pixel_id = 7\n").unwrap();
    let source =
        read(&[("TANDEM_CONFIG", path.to_str().unwrap()), ("TANDEM_JOIN_WAIT", " 5s "), ("OTHER", "x")])
            .unwrap();
    assert_eq!(source.text(keys::TANDEM_JOIN_WAIT), "5s");
    assert_eq!(source.text(keys::TANDEM_RETENTION), "40d");
    assert_eq!(source.text(keys::FACEBOOK_PIXEL_ID), "7");
    assert_eq!(source.text(keys::META_TIMEOUT), "10s");
}

#[test]
fn an_empty_value_counts_as_unset() {
    let source = read(&[("TANDEM_JOIN_WAIT", "  ")]).unwrap().with_file("join_wait = '9s'").unwrap();
    assert_eq!(source.get(keys::TANDEM_JOIN_WAIT), Some("9s"));
}

#[test]
fn a_broken_line_is_told_by_its_number_and_never_shown() {
    for broken in [
        "claim_secret = 's3cret",
        "claim_secret = \"s3cret",
        "claim_secret = s3cret",
        "claim_secret = 's3cret' s3cret",
        "claim_secret = ['s3cret'",
        "claim_secret = \"\\s3cret\"",
        "claim_secret = 12s3cret",
        "claim_secret = 2026-13-s3cret",
        "claim_secret 's3cret'",
        "'s3cret",
        "[s3cret",
        "claim_secret = { s3cret",
        "claim_secret = '''s3cret",
    ] {
        let error = file_error(&format!("log = 'info'\n{broken}\n"));
        let names_the_line = error.starts_with("TANDEM_CONFIG: line 2: ") || error.contains("line 3: ");
        assert!(names_the_line && !error.contains("s3cret") && !error.contains('\n'), "{broken}: {error}");
    }
    let twice = file_error("claim_secret = 's3cret'\nclaim_secret = 's3cret'\n");
    assert!(twice.contains("line 2") && !twice.contains("s3cret"), "{twice}");
}

#[test]
fn unknown_keys_of_the_file_are_errors_with_a_hint() {
    assert_eq!(
        file_error("join_wiat = '9s'"),
        "join_wiat: is not a setting of Tandem; did you mean join_wait?"
    );
    assert_eq!(file_error("colour = 'red'"), "colour: is not a setting of Tandem; check its spelling");
    assert!(
        file_error("config = 'other.toml'").contains("is not a setting"),
        "a file cannot name another file"
    );
    assert!(
        file_error("join_wait_file = '/x'").contains("is not a setting"),
        "only a secret has a _FILE key"
    );
    assert!(file_error("join_wait = { a = 1 }").contains("must be a text"));
}

#[test]
fn keys_of_other_programs_and_the_servers_tables_are_taken() {
    let text = "gateway_addr = '127.0.0.1:0'\nsandbox_addr = '127.0.0.1:0'\nclaim_secret_file = '/x'\n\
                cashfree_allowed_addresses = ['10.0.0.1', '10.0.0.2']\n[[pixels]]\nid = '1'\n[lead]\n";
    let source = Source::default().with_file(text).unwrap();
    assert_eq!(source.text(keys::CASHFREE_ALLOWED_ADDRESSES), "10.0.0.1,10.0.0.2");
    assert!(source.table("pixels").is_some_and(toml::Value::is_array));
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let error = read(&[("TANDEM_CONFIG", "/does/not/exist.toml")]).unwrap_err();
    assert!(error.starts_with("TANDEM_CONFIG: /does/not/exist.toml: cannot be read: "), "{error}");
}

#[cfg(unix)]
#[test]
fn a_known_variable_must_be_utf_8_and_others_need_not() {
    use std::os::unix::ffi::OsStringExt as _;
    let latin = || OsString::from_vec(vec![0xE9]);
    let error = Source::from_variables(Program::Server, [("TANDEM_JOIN_WAIT", latin())]).unwrap_err();
    assert_eq!(error.to_string(), "TANDEM_JOIN_WAIT: is not valid UTF-8");
    assert!(Source::from_variables(Program::Server, [("OTHER", latin())]).is_ok());
}

#[test]
fn a_secret_is_given_once_and_its_file_is_readable() {
    let secret = |pairs| read(pairs).unwrap().secret(keys::TANDEM_CLAIM_SECRET).map_err(|e| e.to_string());
    let both = secret(&[("TANDEM_CLAIM_SECRET", "s3cret"), ("TANDEM_CLAIM_SECRET_FILE", "/x")]).unwrap_err();
    assert_eq!(both, "TANDEM_CLAIM_SECRET: is set together with TANDEM_CLAIM_SECRET_FILE; keep one");
    let missing = secret(&[("TANDEM_CLAIM_SECRET_FILE", "/does/not/exist")]).unwrap_err();
    assert!(missing.starts_with("TANDEM_CLAIM_SECRET_FILE: /does/not/exist cannot be read"), "{missing}");
    assert!(secret(&[]).unwrap().is_none());
}

#[test]
fn debug_shows_no_value() {
    let source = read(&[("TANDEM_CLAIM_SECRET", "s3cret")]).unwrap();
    let source = source.with_file("facebook_access_token = 's3cret'").unwrap();
    let shown = format!("{source:?}");
    assert!(shown.contains("TANDEM_CLAIM_SECRET") && !shown.contains("s3cret"), "{shown}");
}

#[test]
fn an_empty_list_of_the_file_is_no_way_to_unset_a_key() {
    for key in ["allowed_origins", "trusted_proxies", "cashfree_allowed_addresses"] {
        let error = file_error(&format!("{key} = []"));
        assert!(error.starts_with(&format!("{key}: must have at least one entry")), "{error}");
    }
}

#[test]
fn a_secret_without_its_keys_form_is_named_and_not_shown() {
    for (key, text) in [
        ("FACEBOOK_ACCESS_TOKEN", "s3cret\tx"),
        ("FACEBOOK_ACCESS_TOKEN", "s3cret–x"),
        ("FACEBOOK_ACCESS_TOKEN", "'s3cret'"),
        ("FACEBOOK_APP_SECRET", "\"s3cret\""),
        ("CASHFREE_CLIENT_SECRET", "newest,s3 cret"),
        ("CASHFREE_CLIENT_SECRET", ","),
        ("TANDEM_INTERNAL_TOKEN", "Bearer s3cret"),
        ("TANDEM_CLAIM_SECRET", ","),
    ] {
        let secrets = [
            keys::FACEBOOK_ACCESS_TOKEN,
            keys::FACEBOOK_APP_SECRET,
            keys::CASHFREE_CLIENT_SECRET,
            keys::TANDEM_INTERNAL_TOKEN,
            keys::TANDEM_CLAIM_SECRET,
        ];
        let row = secrets.into_iter().find(|row| row.key().name == key).unwrap();
        let error = read(&[(key, text)]).unwrap().secret(row).unwrap_err().to_string();
        assert!(error.starts_with(&format!("{key}: ")) && !error.contains("s3"), "{error}");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        std::fs::write(&path, text).unwrap();
        let variable = format!("{key}_FILE");
        let in_file = read(&[(&variable, path.to_str().unwrap())]).unwrap().secret(row);
        match text {
            "," => assert!(in_file.is_ok(), "it may come later"),
            _ => assert!(in_file.unwrap_err().to_string().starts_with(&format!("{variable}: "))),
        }
    }
}
