//! Compiles `tandem/v1/*.proto` with protox, so that no `protoc` is needed.

use prost::Message as _;
use prost_build::{Method, Service, ServiceGenerator};

/// Emits the HTTP/2 path of every method, for callers with a transport of their own.
struct MethodPaths;

impl ServiceGenerator for MethodPaths {
    fn generate(&mut self, service: Service, out: &mut String) {
        out.push_str(&format!(
            "/// Paths of {}'s methods.\npub mod {}_paths {{\n",
            service.name,
            snake(&service.name)
        ));
        for Method { proto_name, .. } in &service.methods {
            out.push_str(&format!(
                "    /// `{proto_name}`.\n    pub const {}: &str = \"/{}.{}/{proto_name}\";\n",
                snake(proto_name).to_uppercase(),
                service.package,
                service.proto_name,
            ));
        }
        out.push_str("}\n");
    }
}

fn snake(name: &str) -> String {
    let mut out = String::new();
    for (i, c) in name.chars().enumerate() {
        if c.is_uppercase() && i > 0 {
            out.push('_');
        }
        out.extend(c.to_lowercase());
    }
    out
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let files = ["tandem/v1/tracking.proto", "tandem/v1/operations.proto"];
    println!("cargo::rerun-if-changed=tandem");
    let descriptors = protox::compile(files, ["."])?;
    let out = std::path::PathBuf::from(std::env::var("OUT_DIR")?);
    std::fs::write(out.join("descriptors.bin"), descriptors.encode_to_vec())?;

    let with = |feature: &str| std::env::var_os(format!("CARGO_FEATURE_{feature}")).is_some();
    // The browser needs only messages and method paths. Messages with personal data get no derived Debug.
    let personal = [
        ".tandem.v1.User",
        ".tandem.v1.Browser",
        ".tandem.v1.VerifyWebhookRequest",
        ".tandem.v1.ErasePersonRequest",
    ];
    let mut messages = prost_build::Config::new();
    messages.skip_debug(personal).service_generator(Box::new(MethodPaths));
    messages.compile_fds(descriptors.clone())?;

    if with("CLIENT") || with("SERVER") {
        std::fs::create_dir_all(out.join("stubs"))?;
        tonic_prost_build::configure()
            .build_client(with("CLIENT"))
            .build_server(with("SERVER"))
            .out_dir(out.join("stubs"))
            .extern_path(".tandem.v1", "crate::v1")
            .compile_fds(descriptors)?;
    }
    Ok(())
}
