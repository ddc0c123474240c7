//! Forms as builders make them: which fields are read, when a submission counts, and how often.

use serde_json::{Value, json};
use tandem_proto::v1::EventState;
use tandem_tests::browser::Session;
use tandem_tests::{Person, World};

use crate::page::Page;
use crate::world_with_shop;

/// A form's fields in HTML, and what is read from them.
fn forms() -> Vec<(&'static str, &'static str, Value)> {
    vec![
        (
            "Contact Form 7",
            "<label>Your name <input name=your-name value='Asha Rao'></label><input name=your-email value=asha@shop.example>\
             <input name=your-phone value='98765 43210'><input name=your-subject value=Hello>",
            json!({ "firstName": "Asha", "lastName": "Rao", "email": "asha@shop.example", "phone": "98765 43210" }),
        ),
        (
            "Contact Form 7, numbered names",
            "<input name=email-123 type=email value=asha@shop.example><input name=tel-456 type=tel value=9876543210>",
            json!({ "email": "asha@shop.example", "phone": "9876543210" }),
        ),
        (
            "WPForms",
            "<input name='wpforms[fields][0][first]' id=a value=Asha><label for=a>First</label>\
             <input name='wpforms[fields][0][last]' id=b value=Rao><label for=b>Last</label>\
             <input name='wpforms[fields][1]' type=email value=asha@shop.example>\
             <label for=c>Phone *</label><input name='wpforms[fields][2]' id=c value=9876543210>",
            json!({ "firstName": "Asha", "lastName": "Rao", "email": "asha@shop.example", "phone": "9876543210" }),
        ),
        (
            "Elementor",
            "<input name='form_fields[name]' value=Asha><input name='form_fields[email]' type=email value=asha@shop.example>\
             <label for=d>Mobile number</label><input name='form_fields[field_69855a9]' id=d value=9876543210>",
            json!({ "firstName": "Asha", "email": "asha@shop.example", "phone": "9876543210" }),
        ),
        (
            "Elementor, fields that were renamed for the visitor only",
            "<label for=e>Company</label><input name='form_fields[name]' id=e value=Acme>\
             <select name='form_fields[email]'><option>Full service</option></select>\
             <input name='form_fields[field_1]' type=email value=asha@shop.example>",
            json!({ "email": "asha@shop.example" }),
        ),
        (
            "Gravity Forms",
            "<input name=input_1.3 id=f value=Asha><label for=f>First</label><input name=input_1.6 id=g value=Rao>\
             <label for=g>Last</label><input name=input_2 type=email value=asha@shop.example>\
             <input name=input_3 type=tel value=9876543210>\
             <input name=input_4.5 id=h value=560001><label for=h>ZIP / Postal Code</label>",
            json!({ "firstName": "Asha", "lastName": "Rao", "email": "asha@shop.example", "phone": "9876543210", "postalCode": "560001" }),
        ),
        (
            "HubSpot",
            "<input name=0-1/firstname value=Asha><input name=0-1/email value=asha@shop.example>\
             <input name=0-1/phone type=hidden value=+919876543210><input type=tel value='+91 98765 43210'>",
            json!({ "firstName": "Asha", "email": "asha@shop.example", "phone": "+91 98765 43210" }),
        ),
        (
            "Zoho CRM",
            "<input name='First Name' value=Asha><input name='Last Name' value=Rao><input name=Email value=asha@shop.example>\
             <input name=Mobile value=9876543210><input name='Zip Code' value=560001>",
            json!({ "firstName": "Asha", "lastName": "Rao", "email": "asha@shop.example", "phone": "9876543210", "postalCode": "560001" }),
        ),
        (
            "Zoho Forms",
            "<input name=Name_First value=Asha><input name=Name_Last value=Rao>\
             <input name=PhoneNumber_countrycodeval value=+44><input name=PhoneNumber_countrycode value='07911 123456'>",
            json!({ "firstName": "Asha", "lastName": "Rao", "phone": "+44 (0)7911 123456" }),
        ),
        (
            "Shopify",
            "<input name='contact[Name]' value=Asha><input name='contact[email]' value=asha@shop.example>\
             <input name='contact[phone]' value=9876543210><textarea name='contact[body]'>Hello</textarea>",
            json!({ "firstName": "Asha", "email": "asha@shop.example", "phone": "9876543210" }),
        ),
        (
            "Shopify's customer",
            "<input name='customer[first_name]' value=Asha><input name='customer[email]' value=asha@shop.example>\
             <input name='address[zip]' value=560001><input name='address[city]' value=Bengaluru>",
            json!({ "firstName": "Asha", "email": "asha@shop.example", "postalCode": "560001", "city": "Bengaluru" }),
        ),
        (
            "WooCommerce",
            "<input name=billing_first_name value=Asha><input name=billing_last_name value=Rao><input name=billing_email \
             value=asha@shop.example><input name=billing_phone type=tel value=9876543210><input name=billing_postcode \
             value=560001><select name=billing_state><option value=KA>Karnataka</option></select>\
             <input name=shipping_first_name value=Ravi><input name=shipping_phone type=tel value=9123456780>",
            json!({ "firstName": "Asha", "lastName": "Rao", "email": "asha@shop.example", "phone": "9876543210", "postalCode": "560001", "state": "KA" }),
        ),
        (
            "a calling code of its own",
            "<select autocomplete=tel-country-code name=country><option value=GB>United Kingdom (+44)</option></select>\
             <input autocomplete=tel-national name=phone value=7911123456>",
            json!({ "phone": "+44 7911123456" }),
        ),
        (
            "a calling code beside a number that has one",
            "<input name=countryCode value=+91><input name=phone value='+44 7911 123456'>",
            json!({ "phone": "+44 7911 123456" }),
        ),
        (
            "a calling code that cannot be read",
            "<input name=dial_code value='??'><input name=phone value=7911123456><input name=email value=asha@shop.example>",
            json!({ "email": "asha@shop.example" }),
        ),
        (
            "a number of the country",
            "<input name=country value=99><input name=mobile value=9876543210>",
            json!({ "phone": "9876543210" }),
        ),
        (
            "codes and numbers that are no telephone's",
            "<input name=pin value=123456><input name=otp type=tel value=1234567><input name=code autocomplete=one-time-code \
             type=tel value=7654321><input type=tel id=i value=4111111111111111><label for=i>Card number</label>\
             <input name=gstin type=tel value=29123456789><input name=email value=asha@shop.example>",
            json!({ "email": "asha@shop.example" }),
        ),
        (
            "other people and companies",
            "<input name=friend_email type=email value=ravi@shop.example><input name=company_name value=Acme>\
             <input name=name autocomplete=organization value=Acme><input name=username value=asha1>\
             <input name=email value=asha@shop.example>",
            json!({ "email": "asha@shop.example" }),
        ),
        (
            "fields that the page names and leaves out",
            "<input name=q1 data-tandem-field=email value=asha@shop.example><input name=phone data-tandem-field='' value=9876543210>",
            json!({ "email": "asha@shop.example" }),
        ),
    ]
}

#[tokio::test]
async fn the_fields_of_form_builders_are_read_and_uncertain_ones_left_out() -> anyhow::Result<()> {
    let (world, session, person) = (world_with_shop().await?, Session::start().await?, Person::unique());
    let page = Page { world: &world, session: &session, person: &person };
    page.open("").await?;
    let forms = forms();
    let fields: Vec<&str> = forms.iter().map(|(_, fields, _)| *fields).collect();
    let script = "
        const { read } = await import('/pkg/forms.js');
        return more.map((fields) => {
            const form = document.createElement('form');
            form.innerHTML = fields;
            document.body.append(form);
            // What is undefined is absent, as in the message to the server.
            const found = JSON.parse(JSON.stringify(read(form)));
            form.remove();
            return found;
        });";
    let found = page.run(script, json!(fields)).await?;
    for (i, (name, _, expected)) in forms.iter().enumerate() {
        assert_eq!(&found[i], expected, "{name}");
    }
    Ok(())
}

/// Watches forms, and has a `form` whose own script sends it. `more` has its class and attributes.
const SENT_BY_SCRIPT: &str = "
    const { watchForms } = await import('/pkg/forms.js');
    // The part of jQuery that builders use: its events are not the browser's.
    const handlers = [];
    const trigger = (name, target) => handlers.filter((one) => one.name === name).forEach((one) => one.run({ target }));
    window.jQuery = (target) => ({ on: (name, run) => handlers.push({ name, run, target }) });
    const tandem = await Tandem.connect(options);
    watchForms(tandem);
    watchForms(tandem);
    const told = [];
    document.addEventListener('tandem:fired', ({ detail }) => told.push(detail.eventId));
    const around = document.createElement('div');
    around.dataset.tandem = 'lead';
    around.innerHTML = `<div><form novalidate ${more}><input name=email type=email required><button>Send</button></form></div>`;
    document.body.append(around);
    const form = around.querySelector('form'), [field, button] = form.elements;
    let isAccepting = false;
    form.addEventListener('submit', (event) => {
        event.preventDefault();
        if (field.value.includes('wrong')) field.setAttribute('aria-invalid', 'true');
        else field.removeAttribute('aria-invalid');
        if (isAccepting) form.reset();
    });
    const type = (text) => { field.value = text; button.click(); };
    const pause = () => new Promise((resolve) => { setTimeout(resolve, 300); });";

/// Two marked forms whose scripts send them, and a jQuery that hears the browser's events too.
const TWO_FORMS: &str = "
    const { watchForms } = await import('/pkg/forms.js');
    const handlers = [];
    const trigger = (name, target, more = []) =>
        handlers.filter((one) => one.name === name).forEach((one) => one.run({ target }, ...more));
    window.jQuery = (target) => ({ on: (name, run) => {
        handlers.push({ name, run });
        target.addEventListener(name, (event) => run({ target: event.target, originalEvent: event }));
    } });
    const told = [];
    document.addEventListener('tandem:fired', ({ detail }) => told.push(detail.eventId));
    watchForms(await Tandem.connect(options));
    const around = document.createElement('div');
    around.dataset.tandem = 'lead';
    around.innerHTML = more.map((marks) => `<form novalidate ${marks}><input name=email><button>Send</button></form>`).join('');
    document.body.append(around);
    const [accepted, refused] = around.querySelectorAll('form');
    for (const form of [accepted, refused]) form.addEventListener('submit', (event) => event.preventDefault());
    const submit = (form, text) => { form.elements[0].value = text; form.elements[1].click(); };
    const pause = () => new Promise((resolve) => { setTimeout(resolve, 300); });";

async fn leads(world: &World) -> anyhow::Result<usize> {
    Ok(world.events("Lead", EventState::Unspecified).await?.len())
}

#[tokio::test]
async fn a_builders_form_is_a_lead_when_its_server_has_accepted_it() -> anyhow::Result<()> {
    let (world, session) = (world_with_shop().await?, Session::start().await?);
    let native = "around.firstElementChild.dispatchEvent(new Event('wpcf7mailsent', { bubbles: true }))";
    let hubspot = "window.postMessage({ type: 'hsFormCallback', eventName: 'onFormSubmitted' }, '*')";
    let cases = [
        ("class=wpcf7-form", native),
        ("class='wpforms-form wpforms-ajax-form'", "trigger('wpformsAjaxSubmitSuccess', form)"),
        ("class=elementor-form", "trigger('submit_success', form)"),
        ("id=gform_1 target=gform_ajax_frame_1", "trigger('gform_confirmation_loaded', document)"),
        ("id=hsForm_1 target=target_iframe_1", hubspot),
        ("data-tandem-after='shop:saved'", "form.dispatchEvent(new Event('shop:saved'))"),
    ];
    for (before, (attributes, accept)) in cases.into_iter().enumerate() {
        let person = Person::unique();
        let page = Page { world: &world, session: &session, person: &person };
        page.open("").await?;
        // The first submission is refused, the second accepted. The form is empty by then.
        let script = format!(
            "{SENT_BY_SCRIPT}
            type(person.email.replace('@', '.typo@'));
            await pause();
            const early = told.length;
            isAccepting = true;
            type(person.email);
            await pause();
            const unsure = told.length;
            {accept};
            await until(() => told.length);
            {accept};
            await pause();
            return {{ early, unsure, told }};"
        );
        let seen = page.run(&script, json!(attributes)).await?;
        assert_eq!((&seen["early"], &seen["unsure"]), (&json!(0), &json!(0)), "{attributes}: {seen}");
        let told = seen["told"].as_array().cloned().unwrap_or_default();
        assert_eq!(told.len(), 1, "{attributes}: {seen}");
        let lead = world.wait_for_server_event("Lead", told[0].as_str().unwrap_or_default()).await?;
        assert_eq!(lead.match_key("em"), person.email_hash(), "{attributes}");
        assert_eq!(leads(&world).await?, before + 1, "{attributes}");
    }
    Ok(())
}

#[tokio::test]
async fn one_acceptance_is_one_forms() -> anyhow::Result<()> {
    let (world, session) = (world_with_shop().await?, Session::start().await?);
    let shared = "document.dispatchEvent(new Event('shop:saved'))";
    let gravity = "trigger('gform_confirmation_loaded', document, [2])";
    for (marks, order, accept) in [
        (["data-tandem-after='shop:saved'"; 2], "[refused, accepted]", shared),
        (["id=gform_2 target=frame", "id=gform_12 target=frame"], "[accepted, refused]", gravity),
    ] {
        let person = Person::unique();
        let page = Page { world: &world, session: &session, person: &person };
        page.open("").await?;
        let before = leads(&world).await?;
        let script = format!(
            "{TWO_FORMS}
            const order = {order};
            for (const form of order) submit(form, form === accepted ? person.email : 'typo.' + person.email);
            await pause();
            {accept};
            await until(() => told.length);
            await pause();
            return told;"
        );
        // Of the shop's event, the latest submission is accepted. Gravity Forms names the form.
        let told = page.run(&script, json!(marks)).await?;
        assert_eq!(told.as_array().map(Vec::len), Some(1), "{marks:?}: {told}");
        let lead = world.wait_for_server_event("Lead", told[0].as_str().unwrap_or_default()).await?;
        assert_eq!(lead.match_key("em"), person.email_hash(), "{marks:?}");
        assert_eq!(leads(&world).await?, before + 1, "{marks:?}");
    }
    Ok(())
}

#[tokio::test]
async fn what_the_pages_script_refuses_is_no_lead_and_a_double_click_is_one() -> anyhow::Result<()> {
    let (world, session, person) = (world_with_shop().await?, Session::start().await?, Person::unique());
    let page = Page { world: &world, session: &session, person: &person };
    page.open("").await?;
    let script = format!(
        "{SENT_BY_SCRIPT}
        type('');
        type('not an address');
        type('wrong.' + person.email);
        await pause();
        const early = told.length;
        type(person.email);
        button.click();
        await until(() => told.length);
        button.click();
        await pause();
        return {{ early, told }};"
    );
    let seen = page.run(&script, json!("")).await?;
    assert_eq!((&seen["early"], seen["told"].as_array().map(Vec::len)), (&json!(0), Some(1)), "{seen}");
    let lead = world.wait_for_server_event("Lead", seen["told"][0].as_str().unwrap_or_default()).await?;
    assert_eq!(lead.match_key("em"), person.email_hash());
    assert_eq!(leads(&world).await?, 1);
    Ok(())
}

#[tokio::test]
async fn two_clicks_on_a_form_that_opens_a_window_are_one_lead() -> anyhow::Result<()> {
    let (world, session, person) = (world_with_shop().await?, Session::start().await?, Person::unique());
    let page = Page { world: &world, session: &session, person: &person };
    page.open("").await?;
    let script = "
        const { watchForms } = await import('/pkg/forms.js');
        watchForms(Tandem.connect(options));
        const told = [];
        document.addEventListener('tandem:fired', ({ detail }) => told.push(detail.eventId));
        document.body.insertAdjacentHTML('beforeend', `<iframe name=frame></iframe>
            <form data-tandem=lead action=/events-manager target=frame><input name=email><button>Send</button></form>`);
        const form = document.querySelector('form[data-tandem]'), [field, button] = form.elements;
        field.value = person.email;
        button.click();
        button.click();
        await until(() => told.length);
        await new Promise((resolve) => { setTimeout(resolve, 300); });
        return told;";
    let told = page.run(script, json!({})).await?;
    assert_eq!(told.as_array().map(Vec::len), Some(1), "{told}");
    assert_eq!(leads(&world).await?, 1);
    Ok(())
}
