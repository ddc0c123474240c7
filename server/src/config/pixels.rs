//! Pixels: one from the variables, more from the file.

use tandem_core::code;
use tandem_core::id::PixelId;
use tandem_core::order::Environment;
use tandem_core::page_url::PageUrl;
use tandem_settings::keys::{
    FACEBOOK_ACCESS_TOKEN, FACEBOOK_APP_SECRET, FACEBOOK_PIXEL_ID, FACEBOOK_TEST_EVENT_CODE,
};
use tandem_settings::values::EMPTY_LIST;
use tandem_settings::{SecretKey, SecretSource, SettingError, Source};

use super::origins::Origins;

/// Whose money may be told on a pixel. Delivery asks it of each event that leaves, and orders ask it
/// of each answer to a page.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MoneyRule {
    /// The environment that is set.
    pub(super) environment: Environment,
    /// Whether play money would be reported as sales: Meta is the real one, and gets no test event code that
    /// shows it as a test.
    pub(super) counts_as_sales: bool,
}

impl MoneyRule {
    /// Stable code of why nobody may be told of money of `environment`, if nobody may: neither Meta
    /// nor a page.
    pub fn hold(self, environment: Environment) -> Option<&'static str> {
        if environment != self.environment {
            return Some(code::OTHER_ENVIRONMENT);
        }
        let is_play_money = environment == Environment::Sandbox;
        (is_play_money && self.counts_as_sales).then_some(code::SANDBOX_WITHOUT_TEST_CODE)
    }
}

#[derive(Debug)]
pub struct Pixel {
    /// Pixel (dataset) ID.
    pub id: PixelId,
    pub token: Option<SecretSource>,
    /// Sent as `test_event_code`.
    pub test_event_code: Option<String>,
    /// With this secret, every call carries `appsecret_proof`.
    pub app_secret: Option<SecretSource>,
    /// Origins of this pixel's pages, if they differ from the common ones.
    pub origins: Option<Origins>,
    /// Orders whose ID starts with one of these belong to this pixel.
    pub order_prefixes: Vec<String>,
    /// The page of website events that name none. Without it they are held.
    pub page: Option<PageUrl>,
    pub money: MoneyRule,
    /// It stands in the file, and not in the variables.
    pub is_of_file: bool,
}

impl Pixel {
    /// A pixel of which only the ID is known.
    pub fn unconfigured(id: PixelId) -> Self {
        let (token, test_event_code, app_secret, origins, page) = (None, None, None, None, None);
        let (order_prefixes, money, is_of_file) = (Vec::new(), MoneyRule::default(), false);
        Self { id, token, test_event_code, app_secret, origins, order_prefixes, page, money, is_of_file }
    }

    /// Name of one of its settings: `key` in the file, `row` among the variables.
    pub(super) fn setting(&self, key: &str, row: SecretKey) -> String {
        match self.is_of_file {
            true => format!("pixels.{}.{key}", self.id),
            false => row.key().name.to_owned(),
        }
    }
}

/// Reads all pixels. The first is the default.
pub(super) fn read_pixels(source: &Source) -> Result<Vec<Pixel>, SettingError> {
    let mut pixels = Vec::new();
    let token = source.secret(FACEBOOK_ACCESS_TOKEN)?;
    let app_secret = source.secret(FACEBOOK_APP_SECRET)?;
    let test_event_code: Option<String> = source.get(FACEBOOK_TEST_EVENT_CODE).map(Into::into);
    let id = |text: &str| PixelId::parse(text).map_err(|error| error.to_string());
    match source.optional(FACEBOOK_PIXEL_ID, id)? {
        Some(id) => pixels.push(Pixel { token, test_event_code, app_secret, ..Pixel::unconfigured(id) }),
        None => {
            let given = [
                (FACEBOOK_ACCESS_TOKEN.key().name, token.is_some()),
                (FACEBOOK_APP_SECRET.key().name, app_secret.is_some()),
                (FACEBOOK_TEST_EVENT_CODE.name, test_event_code.is_some()),
            ];
            if let Some((name, _)) = given.into_iter().find(|(_, is_given)| *is_given) {
                let what = format!("is unset while {name} is given");
                return Err(SettingError::new(FACEBOOK_PIXEL_ID.name, what));
            }
        }
    }
    for (i, table) in file_tables(source)?.into_iter().enumerate() {
        let pixel = file_pixel(&format!("pixels[{i}]"), table)?;
        if pixels.iter().any(|known: &Pixel| known.id == pixel.id) {
            return Err(SettingError::new(&format!("pixels[{i}].id"), "is given twice"));
        }
        pixels.push(pixel);
    }
    Ok(pixels)
}

/// The file's `[[pixels]]`.
fn file_tables(source: &Source) -> Result<Vec<&toml::Table>, SettingError> {
    let Some(value) = source.table("pixels") else { return Ok(Vec::new()) };
    let items = value.as_array().map(|items| items.iter().map(toml::Value::as_table).collect());
    items.flatten().ok_or_else(|| SettingError::new("pixels", "each must be a [[pixels]] table"))
}

fn file_pixel(at: &str, table: &toml::Table) -> Result<Pixel, SettingError> {
    const KEYS: [&str; 8] = [
        "id",
        "access_token",
        "access_token_file",
        "test_event_code",
        "app_secret",
        "app_secret_file",
        "origins",
        "order_prefixes",
    ];
    if let Some(unknown) = table.keys().find(|key| !KEYS.contains(&key.as_str())) {
        return Err(SettingError::new(&format!("{at}.{unknown}"), "is not a setting of a pixel"));
    }
    let text = |key: &str| match table.get(key) {
        None => Ok(None),
        Some(toml::Value::String(text)) => Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty())),
        Some(toml::Value::Integer(n)) if key == "id" => Ok(Some(n.to_string())),
        Some(_) => Err(SettingError::new(&format!("{at}.{key}"), "must be a text")),
    };
    let error = |key: &str, what: String| SettingError::new(&format!("{at}.{key}"), what);
    let secret = |key: &str, row: SecretKey| -> Result<Option<SecretSource>, SettingError> {
        let secret = match (text(key)?, text(&format!("{key}_file"))?) {
            (Some(_), Some(_)) => return Err(error(key, "is set together with its _file; keep one".into())),
            (Some(inline), None) => SecretSource::inline(&inline),
            (None, Some(path)) => SecretSource::file(path),
            (None, None) => return Ok(None),
        };
        let secret = secret.checked(row.form()).map_err(|what| error(key, what.into()))?;
        secret.check_file().map_err(|what| error(&format!("{key}_file"), what))?;
        Ok(Some(secret))
    };
    let texts = |key: &str| {
        let Some(value) = table.get(key) else { return Ok(None) };
        let list: Option<Vec<&str>> =
            value.as_array().and_then(|items| items.iter().map(toml::Value::as_str).collect());
        match list {
            Some(list) if list.is_empty() => Err(error(key, EMPTY_LIST.into())),
            Some(list) => Ok(Some(list)),
            None => Err(error(key, "must be a list of texts".into())),
        }
    };
    let origins = texts("origins")?.map(|list| Origins::parse(&list.join(",")));
    let order_prefixes = texts("order_prefixes")?.unwrap_or_default();
    if order_prefixes.contains(&"") {
        return Err(error(
            "order_prefixes",
            "must not hold an empty text, which every order starts with".into(),
        ));
    }
    let id = text("id")?.unwrap_or_default();
    Ok(Pixel {
        id: PixelId::parse(&id).map_err(|error| SettingError::new(&format!("{at}.id"), error.to_string()))?,
        token: secret("access_token", FACEBOOK_ACCESS_TOKEN)?,
        test_event_code: text("test_event_code")?,
        app_secret: secret("app_secret", FACEBOOK_APP_SECRET)?,
        origins: origins.transpose().map_err(|what| error("origins", what))?,
        order_prefixes: order_prefixes.into_iter().map(Into::into).collect(),
        page: None,
        money: MoneyRule::default(),
        is_of_file: true,
    })
}
