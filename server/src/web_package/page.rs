//! The texts that tell a shop's developer what to paste.

use super::package::{File, PREFIX, Package};

/// Stands where the server's own address is not known.
const EXAMPLE: &str = "https://track.shop.example";

/// The script tags, ready to paste.
pub(super) fn tags(package: &Package, host: Option<&str>) -> String {
    let (server, folder) = (own_address(host), package.folder);
    let integrity = |name: &str| package.file(name).map_or("", |file| file.integrity);
    let base = format!("{server}{PREFIX}");
    let options = format!("data-endpoint=\"{server}\" data-pixel-id=\"PIXEL_ID\"");
    let auto = integrity("auto.js");
    let index = integrity("index.js");
    let map = import_map(package, &base);
    format!(
        "Tandem's browser package {version}, as this server has it.\n\n\
         Without code. This tag stays valid when the server is updated:\n\n\
         <script type=\"module\" src=\"{base}/auto.js\" {options}></script>\n\n\
         With an integrity hash. The files are kept for a year and never asked for again. The tag is valid for this\n\
         package only: when you update the server, copy the new tag from here. Until then such pages report nothing.\n\n\
         <script type=\"module\" src=\"{base}/{folder}/auto.js\" integrity=\"{auto}\" crossorigin=\"anonymous\" {options}></script>\n\n\
         In a script of your own:\n\n\
         import {{ Tandem }} from \"{base}/index.js\";\n\n\
         or, of this package only:\n\n\
         <link rel=\"modulepreload\" href=\"{base}/{folder}/index.js\" integrity=\"{index}\" crossorigin=\"anonymous\">\n\
         import {{ Tandem }} from \"{base}/{folder}/index.js\";\n\n\
         The integrity of a tag covers the file that it names. With this import map in front of all module scripts, browsers\n\
         from 2025 on check the scripts as well that the file loads:\n\n\
         {map}\n",
        version = env!("CARGO_PKG_VERSION"),
    )
}

/// An import map with the integrity of each script.
fn import_map(package: &Package, base: &str) -> String {
    let is_script = |file: &&File| file.name.ends_with(".js");
    let row = |file: &File| format!("  \"{base}/{}/{}\": \"{}\"", package.folder, file.name, file.integrity);
    let rows: Vec<String> = package.files.iter().filter(is_script).map(row).collect();
    format!("<script type=\"importmap\">\n{{\"integrity\": {{\n{}\n}}}}\n</script>", rows.join(",\n"))
}

/// What a caller is told who asks for a file that is not there.
pub(super) fn unknown(package: &Package) -> String {
    format!(
        "There is no such file here. This server's package is in {PREFIX}/{}/; {PREFIX}/ has the tag for a page.\n",
        package.folder
    )
}

/// The server's address at this host. Only characters of a host and a port are taken, because the text goes into tags.
fn own_address(host: Option<&str>) -> String {
    let is_plain = |host: &&str| {
        let is_of_host = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte);
        !host.is_empty() && host.bytes().all(is_of_host)
    };
    let Some(host) = host.filter(is_plain) else { return EXAMPLE.to_owned() };
    let is_local = ["localhost", "127.", "[::1]"].iter().any(|local| host.starts_with(local));
    format!("{}://{host}", if is_local { "http" } else { "https" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_in_a_tag_is_the_callers_and_never_markup() {
        let address = |host| own_address(Some(host));
        assert_eq!(address("track.shop.in"), "https://track.shop.in");
        assert_eq!(address("127.0.0.1:50051"), "http://127.0.0.1:50051");
        assert_eq!(address("[2001:db8::1]:443"), "https://[2001:db8::1]:443");
        for wrong in ["a\"><script>", "a b", ""] {
            assert_eq!(address(wrong), EXAMPLE, "{wrong}");
        }
        assert_eq!(own_address(None), EXAMPLE);
    }
}
