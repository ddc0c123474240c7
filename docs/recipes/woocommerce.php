<?php
/**
 * Plugin Name: Tandem for WooCommerce
 * Description: Reports product views, checkouts and purchases to Tandem. Put this file into wp-content/plugins/.
 * Requires Plugins: woocommerce
 */

defined('ABSPATH') || exit;

const TANDEM_ENDPOINT = 'https://track.shop.example';
const TANDEM_PIXEL_ID = '123456789012345';

/** The script tag of every page. */
function tandem_script_tag(): void {
    wp_print_script_tag(array(
        'type' => 'module',
        'async' => true,
        'src' => TANDEM_ENDPOINT . '/web/auto.js',
        'data-endpoint' => TANDEM_ENDPOINT,
        'data-pixel-id' => TANDEM_PIXEL_ID,
        'data-currency' => get_woocommerce_currency(),
        'data-default-country' => WC()->countries->get_base_country(),
    ));
}
add_action('wp_head', 'tandem_script_tag');

/** Calls a function of the connection when it is there. The arguments become JSON, so no value can end the script. */
function tandem_call(string $name, array $arguments): void {
    $json = wp_json_encode($arguments, JSON_HEX_TAG | JSON_HEX_AMP);
    wp_print_inline_script_tag(
        "(function () {
            function tell() { window.tandem." . $name . ".apply(window.tandem, " . $json . ")['catch'](console.warn); }
            if (window.tandem) tell(); else document.addEventListener('tandem:ready', tell, { once: true });
        })();"
    );
}

add_action('woocommerce_after_single_product', function (): void {
    global $product;
    tandem_call('track', array('ViewContent', array(
        'contentIds' => array((string) $product->get_id()),
        'contentName' => $product->get_name(),
        'value' => wc_format_decimal($product->get_price(), wc_get_price_decimals()),
    )));
});

/** The page "Pay for order", to which gateways take the buyer: the order exists, and is not paid yet. */
add_action('before_woocommerce_pay', function (): void {
    $order = wc_get_order(absint(get_query_var('order-pay')));
    if ($order) {
        tandem_call('track', array('InitiateCheckout', array(
            'orderId' => (string) $order->get_id(),
            'value' => wc_format_decimal($order->get_total(), wc_get_price_decimals()),
        )));
    }
});

/** The thank-you page. The pixel fires when Tandem's server knows that the order is paid. */
add_action('woocommerce_thankyou', function (int $order_id): void {
    $order = wc_get_order($order_id);
    if ($order && !$order->has_status('failed')) {
        tandem_call('recordPurchase', array(array('orderId' => (string) $order_id)));
    }
});

/** Tells Tandem's server that an order is paid. If it cannot be reached, WooCommerce's queue tries again. */
function tandem_report_payment(int $order_id): void {
    $order = wc_get_order($order_id);
    if (!$order || !defined('TANDEM_INTERNAL_TOKEN')) {
        return;
    }
    $answer = wp_remote_post(TANDEM_ENDPOINT . '/tandem.v1.TrackingService/RecordPurchase', array(
        'timeout' => 5,
        'headers' => array('Content-Type' => 'application/json', 'Authorization' => 'Bearer ' . TANDEM_INTERNAL_TOKEN),
        'body' => wp_json_encode(array(
            'orderId' => (string) $order_id,
            'pixelId' => TANDEM_PIXEL_ID,
            'customData' => array('value' => array(
                'amount' => wc_format_decimal($order->get_total(), wc_get_price_decimals()),
                'currencyCode' => $order->get_currency(),
            )),
            'user' => (object) array_filter(array(
                'email' => $order->get_billing_email(),
                'phone' => $order->get_billing_phone(),
                'firstName' => $order->get_billing_first_name(),
                'lastName' => $order->get_billing_last_name(),
                'country' => $order->get_billing_country(),
            )),
        )),
    ));
    $status = is_wp_error($answer) ? 503 : wp_remote_retrieve_response_code($answer);
    if ($status === 429 || $status >= 500) {
        as_schedule_single_action(time() + 60, 'tandem_report_payment', array($order_id));
    } elseif ($status !== 200) {
        wc_get_logger()->error('Tandem refused order ' . $order_id . ': HTTP ' . $status, array('source' => 'tandem'));
    }
}
add_action('woocommerce_payment_complete', 'tandem_report_payment');
add_action('tandem_report_payment', 'tandem_report_payment');
