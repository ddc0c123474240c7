//! `tandem pause` and `tandem resume`: stop and start sending to Meta.

use clap::Args;
use tandem_proto::v1::{PauseDeliveryRequest, ResumeDeliveryRequest};

use crate::error::CliError;
use crate::render::json;
use crate::report::Report;
use crate::server::Server;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Only this pixel; without it, all pixels
    #[arg(long, value_name = "PIXEL_ID")]
    pixel: Option<String>,
    /// The number of pixels as JSON
    #[arg(long)]
    json: bool,
}

pub(crate) async fn pause(server: &Server, arguments: Arguments) -> Result<Report, CliError> {
    let request = PauseDeliveryRequest { pixel_id: arguments.pixel.unwrap_or_default() };
    let answer = server.operations().await?.pause_delivery(server.request(request)).await;
    let answer = answer.map_err(|status| server.error(&status))?.into_inner();
    let after = "events are stored and wait; `tandem resume` sends them";
    Ok(report("paused", answer.pixels, after, arguments.json))
}

pub(crate) async fn resume(server: &Server, arguments: Arguments) -> Result<Report, CliError> {
    let request = ResumeDeliveryRequest { pixel_id: arguments.pixel.unwrap_or_default() };
    let answer = server.operations().await?.resume_delivery(server.request(request)).await;
    let answer = answer.map_err(|status| server.error(&status))?.into_inner();
    Ok(report("resumed", answer.pixels, "waiting events are sent now", arguments.json))
}

fn report(done: &str, pixels: u32, after: &str, as_json: bool) -> Report {
    Report::plain(if as_json {
        json(&serde_json::json!({ "pixels": pixels }))
    } else {
        format!("{done} {pixels} pixel{}; {after}", if pixels == 1 { "" } else { "s" })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_counts_pixels() {
        assert_eq!(report("paused", 1, "they wait", false).text, "paused 1 pixel; they wait");
        assert_eq!(report("resumed", 2, "they go", false).text, "resumed 2 pixels; they go");
        let json: serde_json::Value = serde_json::from_str(&report("paused", 3, "", true).text).unwrap();
        assert_eq!(json["pixels"], 3);
    }
}
