//! Which module may import which: in each folder here, a module may import only the modules below it.
//!
//! Add a new file to its folder's list. If an import runs upwards, move the imported item down. Do not move the file up.

/// A folder, and its modules from top to bottom. `lib`, `main` and `mod` are the folder's own file.
pub(super) type Layers<'a> = (&'a str, &'a str);

/// The folders whose order is checked.
pub(super) const LAYERS: &[Layers<'static>] = &[
    (
        "core/src",
        "lib field_code cashfree order capi catalogue event crawler custom_data user_data page_url scrub cookie click_id normalise \
         country hash money currency code id placeholder personal unicode cut",
    ),
    (
        "core/src/cashfree",
        "mod effect note webhook legacy event_key extract notice orders_api link payment subscription refund \
         customer cash fields json error signature",
    ),
    ("core/src/capi", "mod stored"),
    ("core/src/catalogue", "mod lookup cart index"),
    ("core/src/crawler", "mod list"),
    ("core/src/id", "mod event_id order_id pixel_id event_name text"),
    ("core/src/normalise", "mod date_of_birth email gender name phone written place pixel key error text"),
    (
        "core/src/order",
        "mod refund_event purchase consent inquiry history proof session signals state note voices contact browser payment \
         environment guessable",
    ),
    ("core/src/scrub", "mod email field phone decoded"),
    (
        "cli/src",
        "main arguments commands confirm server settings report progress paging error groups render moment",
    ),
    (
        "cli/src/commands",
        "mod events watch event_state orders order_view dead_letters event_view delivery clock doctor erase health \
         lint",
    ),
    ("cli/src/commands/dead_letters", "mod list show replay purge filter steps view"),
    ("cli/src/commands/doctor", "mod server gateway cors cookies page deduplication clock finding web"),
    (
        "gateway/src",
        "main lib routes receive forward readiness metrics providers admission serve settings server answer limits",
    ),
    (
        "lint/src",
        "lib render rules reports survey fetch read shop entities html allow finding code script source",
    ),
    (
        "lint/src/rules",
        "mod syntax contents csp double_count escape event_id guard names pages personal pixel repeats token value number \
         tracked",
    ),
    ("lint/src/script", "mod parse visit guard repeat roles reader facts template value filled depth"),
    (
        "sandbox/src",
        "main lib control own_pages examples cashfree events_manager graph pixel pkg shop state journal matches records \
         faults orders config serve answer clock lock money",
    ),
    ("sandbox/src/cashfree", "mod checkout pay webhook orders_api kinds payload signature"),
    ("sandbox/src/graph", "mod debug_token checks request custom_data user_data reply refusal"),
    ("sandbox/src/orders", "mod outcome amount calls webhook_record"),
    ("sandbox/src/shop", "mod policy thank_you forms pages layout catalogue assets"),
    ("load/src", "bin lib torture storm backlog drain resend arrivals meta_fault memory"),
    (
        "server/src",
        "main lib app api insight orders ingest delivery outbox config catalogue web_package telemetry clock aging private \
         vital",
    ),
    ("server/src/clock", "mod trust"),
    ("server/src/web_package", "mod page package negotiate"),
    ("server/src/outbox", "mod embedded operators figures orders queue events state error reserve"),
    (
        "server/src/outbox/embedded",
        "mod operators results queue orders purchases events erase sweep unproven figures read steps store checkpoint open \
         migrate committer lanes run_time counts early given_up sql",
    ),
    (
        "server/src/delivery",
        "mod worker probe sender isolating farewell judge handoff gate doubt isolate breaker status graph classify window usage fields \
         meta_codes backoff",
    ),
    (
        "server/src/api",
        "mod serve json door web_package operations tracking cookies encode decode size body access admission room tally \
         rate_limit status route caller",
    ),
    ("server/src/api/decode", "mod browser click custom_data page person reader"),
    ("server/src/api/json", "mod request answer error read schema"),
    (
        "server/src/api/operations",
        "mod dead_letter_work dead_letters orders events control clock diagnose erase health service wire",
    ),
    ("server/src/api/tracking", "mod confirm events purchase webhook service"),
    ("server/src/app", "mod assemble janitor ports store error"),
    ("server/src/config", "mod check advice settings pixels page origins hosts network tls"),
    (
        "server/src/insight",
        "mod http dashboard dashboard_dead_letters metrics_page diagnosis health code_pages format",
    ),
    ("server/src/insight/diagnosis", "mod settings test_event token clock finding"),
    (
        "server/src/orders",
        "mod webhook providers reconcile provider claim contact confirm claim_rules report step service rules \
         quotas watch confirm_keys",
    ),
    ("server/src/orders/providers", "mod cashfree legacy"),
    ("server/src/orders/reconcile", "mod question orders_api budget"),
    ("net/src", "lib port requests connection peer connections activity address limits tls"),
    (
        "settings/src",
        "lib understood log client source unknown document secret client_address exit disk_room file_limit keys networks values loopback watched",
    ),
    ("web-client/src", "lib browser answer call identity encode event grpc schema wire json node retry text"),
    (
        "xtask/src",
        "main test supply_chain fuzz tidy settings_docs demo bench web_examples publishing package normaliser webassembly size npm browser examples \
         storm torture programs wasm_target skipped command contents files",
    ),
    (
        "xtask/src/tidy",
        "mod arrows layers predicates module_files modules imports tokens paths dependencies pages wire_names sources test_functions",
    ),
    ("xtask/src/supply_chain", "mod deny sbom locks"),
    ("xtask/src/wasm_target", "mod standard_library debian toolchain"),
];

/// Imports that still run upwards: a file, and the module that it imports. This list may only get shorter.
pub(super) const UPWARDS: &[(&str, &str)] = &[];

/// Names that only some modules of a folder may use: the folder, the names, the modules.
pub(super) type NameRule<'a> = (&'a str, &'a str, &'a str);

/// Wire types stay in `server/src/api/`.
pub(super) const NAME_RULES: &[NameRule<'static>] = &[(
    "server/src",
    "tonic tonic_health tonic_prost tonic_reflection tonic_types tonic_web prost prost_reflect prost_types tandem_proto v1",
    "api",
)];
