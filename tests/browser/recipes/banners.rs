//! Stand-ins of consent banners, with the calls and events that their makers document. Each defines
//! `banner.load(decided)`, where `decided` is what the visitor said on an earlier page (`null`: nothing), and
//! `banner.decide(isGranted)`.

/// Google Consent Mode v2: <https://developers.google.com/tag-platform/security/guides/consent>.
pub(super) const GOOGLE: &str = "
    window.dataLayer = window.dataLayer || [];
    function gtag() { dataLayer.push(arguments); }
    const all = (word) => ({ ad_storage: word, ad_user_data: word, ad_personalization: word, analytics_storage: word });
    var banner = {
        load(decided) {
            gtag('js', new Date());
            gtag('consent', 'default', { ...all('denied'), wait_for_update: 500 });
            if (decided !== null) banner.decide(decided);
        },
        decide(isGranted) { gtag('consent', 'update', all(isGranted ? 'granted' : 'denied')); dataLayer.push({ event: 'consent_given' }); },
    };";

/// IAB CMP API 2.2, `addEventListener`: the callback is called at once, and on each change.
pub(super) const TCF: &str = "
    var banner = {
        load(decided) {
            const listeners = [];
            let status = decided === null ? 'cmpuishown' : 'tcloaded', isGranted = decided === true;
            const tcData = (listenerId) => ({
                tcString: 'CPokAsAPokAsABEACBENC7CgAP_AAH_AAAAAAAAAAAAA', tcfPolicyVersion: 4, cmpId: 1, cmpVersion: 1,
                gdprApplies: banner.applies ?? true, eventStatus: status, cmpStatus: 'loaded', listenerId, isServiceSpecific: true,
                purpose: { consents: Object.fromEntries([1, 2, 3, 4, 7].map((id) => [id, isGranted])), legitimateInterests: {} },
                vendor: { consents: {}, legitimateInterests: {} }, addtlConsent: isGranted ? '2~7.12.89~dv.35' : '2~~dv.7.12.35.89',
            });
            window.__tcfapi = (command, version, callback) => {
                if (command !== 'addEventListener' || version !== 2) return callback(null, false);
                const id = listeners.push(callback);
                callback(tcData(id), true);
            };
            banner.decide = (granted) => {
                isGranted = granted;
                status = 'useractioncomplete';
                listeners.forEach((listener, index) => listener(tcData(index + 1), true));
            };
        },
    };";

/// Cookiebot: <https://www.cookiebot.com/en/developer/>.
pub(super) const COOKIEBOT: &str = "
    var banner = {
        load(decided) {
            window.Cookiebot = {
                consent: { necessary: true, preferences: false, statistics: false, marketing: false, method: null },
                consented: false, declined: false, hasResponse: false, doNotTrack: false,
            };
            if (decided !== null) banner.decide(decided);
        },
        decide(isGranted) {
            const { consent } = Cookiebot;
            consent.preferences = consent.statistics = consent.marketing = isGranted;
            consent.method = 'explicit';
            Object.assign(Cookiebot, { consented: isGranted, declined: !isGranted, hasResponse: true });
            dispatchEvent(new Event('CookiebotOnConsentReady'));
            dispatchEvent(new Event(isGranted ? 'CookiebotOnAccept' : 'CookiebotOnDecline'));
        },
    };";

/// OneTrust: <https://developer.onetrust.com/onetrust/docs/javascript-events-guide>.
pub(super) const ONETRUST: &str = "
    var banner = {
        load(decided) {
            const listeners = [];
            let isClosed = decided !== null;
            const apply = (isGranted) => {
                const groups = ['C0001', ...(isGranted ? ['C0002', 'C0003', 'C0004'] : [])];
                window.OnetrustActiveGroups = `,${groups.join(',')},`;
                return new CustomEvent('OneTrustGroupsUpdated', { detail: groups });
            };
            window.OneTrust = { IsAlertBoxClosed: () => isClosed, OnConsentChanged: (listener) => { listeners.push(listener); } };
            dispatchEvent(apply(decided === true));
            banner.decide = (isGranted) => {
                isClosed = true;
                const event = apply(isGranted);
                listeners.forEach((listener) => listener(event));
                dispatchEvent(event);
            };
        },
    };";
