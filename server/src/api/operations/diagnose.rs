//! `Diagnose`: what the server finds about its own deployment.

use tandem_proto::v1;

use super::service::Operations;
use super::wire::timestamp;
use crate::insight::diagnosis::{Finding, Level};

impl Operations {
    pub(super) async fn diagnose_deployment(&self, request: &v1::DiagnoseRequest) -> v1::DiagnoseResponse {
        let report = self.diagnosis.run(&self.insight, request.send_test_event).await;
        v1::DiagnoseResponse {
            server_version: env!("CARGO_PKG_VERSION").to_owned(),
            server_time: Some(timestamp(report.at_ms)),
            pixel_ids: report.pixels.into_iter().map(Into::into).collect(),
            cashfree_environment: report.environment.name().to_owned(),
            cookie_domain: report.cookie_domain.map(|domain| domain.to_string()).unwrap_or_default(),
            findings: report.findings.into_iter().map(finding).collect(),
        }
    }
}

fn finding(finding: Finding) -> v1::Finding {
    let level = match finding.level {
        Level::Ok => v1::FindingLevel::Ok,
        Level::Warning => v1::FindingLevel::Warning,
        Level::Failed => v1::FindingLevel::Failed,
        Level::Skipped => v1::FindingLevel::Skipped,
    };
    v1::Finding {
        check: finding.check.to_owned(),
        subject: finding.subject,
        level: level.into(),
        code: finding.code.to_owned(),
        detail: finding.detail.into_owned(),
        advice: finding.advice.to_owned(),
    }
}
