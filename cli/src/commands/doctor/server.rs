//! Checks that the server answers, accepts the token and has this tool's version. The server adds
//! findings of its own.

use tandem_proto::v1::{DiagnoseRequest, DiagnoseResponse, GetTrackingHealthRequest, Last24h};
use tandem_settings::is_loopback;
use url::Url;

use super::finding::Finding;
use crate::error::CliError;
use crate::server::Server;

const VERSION: &str = env!("CARGO_PKG_VERSION");

const START: &str = "start tandem-server, or name it with TANDEM_SERVER_URL or --server-url";
const SAME_TOKEN: &str = "give this tool one of the server's TANDEM_INTERNAL_TOKEN, or the token that it wrote to \
    internal-token in its data directory (TANDEM_DATA_DIR)";
const LOOK: &str = "the server's log says more";
const SAME_VERSION: &str = "use server, gateway and tool from one release";
const USE_TLS: &str = "use https: TANDEM_TLS_CERT and TANDEM_TLS_KEY at the server, or a TLS proxy before it";

#[derive(Debug, Default)]
pub(super) struct ServerAnswers {
    /// `None` when the server did not answer.
    pub(super) diagnosis: Option<DiagnoseResponse>,
    /// Figures of the last 24 hours.
    pub(super) day: Option<Last24h>,
}

/// Asks the server. The server makes Graph calls before it answers, so this may take some seconds.
pub(super) async fn ask(server: &Server, send_test_event: bool) -> (ServerAnswers, Option<Finding>) {
    match diagnose(server, send_test_event).await {
        Ok(answers) => (answers, None),
        Err(error) => (ServerAnswers::default(), Some(failed(&error))),
    }
}

async fn diagnose(server: &Server, send_test_event: bool) -> Result<ServerAnswers, CliError> {
    let mut client = server.long_operations().await?;
    let health = client.get_tracking_health(server.request(GetTrackingHealthRequest {})).await;
    let day = health.map_err(|status| server.error(&status))?.into_inner().last_24h;
    let answer = client.diagnose(server.request(DiagnoseRequest { send_test_event })).await;
    let diagnosis = answer.map_err(|status| server.error(&status))?.into_inner();
    Ok(ServerAnswers { diagnosis: Some(diagnosis), day })
}

fn failed(error: &CliError) -> Finding {
    let (code, detail, advice) = match error {
        CliError::ServerAway { url, why } => ("server_away", format!("no answer from {url} ({why})"), START),
        CliError::TokenRefused => {
            ("token_refused", "the server refuses the internal token".to_owned(), SAME_TOKEN)
        }
        CliError::OldServer => ("old_server", "the server does not know the call".to_owned(), SAME_VERSION),
        other => ("server_failed", other.to_string(), LOOK),
    };
    Finding::failed("server", code, &detail, advice)
}

/// Findings that this tool makes from the server's answer.
pub(super) fn findings(diagnosis: &DiagnoseResponse, url: &Url) -> Vec<Finding> {
    let mut findings = vec![Finding::ok(
        "server",
        "answers",
        &format!("{} answers and takes the token", url.as_str().trim_end_matches('/')),
    )];
    let theirs = crate::render::plain(&diagnosis.server_version);
    findings.push(if theirs == VERSION {
        Finding::ok("version", "same_version", VERSION)
    } else {
        let detail = format!("the server is {theirs}, this tool is {VERSION}");
        Finding::warning("version", "other_version", &detail, SAME_VERSION)
    });
    if url.scheme() == "http" && !is_loopback(url) {
        let detail = "the internal token travels over plain http to another machine";
        findings.push(Finding::warning("tls", "plain_connection", detail, USE_TLS));
    }
    findings.extend(diagnosis.findings.iter().map(Finding::of_server));
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_versions_and_plain_connections_are_noticed() {
        let codes = |version: &str, url: &str| {
            let diagnosis =
                DiagnoseResponse { server_version: version.to_owned(), ..DiagnoseResponse::default() };
            let found = findings(&diagnosis, &Url::parse(url).unwrap());
            found.into_iter().map(|finding| finding.code).collect::<Vec<_>>()
        };
        assert_eq!(codes(VERSION, "http://127.0.0.1:50051"), ["answers", "same_version"]);
        assert_eq!(codes(VERSION, "https://track.shop.example"), ["answers", "same_version"]);
        let both = codes("9.9.9", "http://10.0.0.5:50051");
        assert_eq!(both, ["answers", "other_version", "plain_connection"]);
    }

    #[test]
    fn a_server_that_is_away_is_a_finding_with_advice() {
        let away = CliError::ServerAway { url: "http://x".to_owned(), why: "refused".to_owned() };
        for error in
            [away, CliError::TokenRefused, CliError::OldServer, CliError::ServerFailed("x".to_owned())]
        {
            assert!(!failed(&error).advice.is_empty());
        }
    }
}
