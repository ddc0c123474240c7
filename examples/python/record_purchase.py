"""Reports to Tandem that an order was paid. A shop's own service does this after a payment
that Cashfree does not report: by another provider or at the counter."""

import argparse
import os
import sys
import time

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status

import stubs

# Time limit of one call, in seconds. RecordPurchase with the token waits only for the disk.
CALL_TIMEOUT_S = 5
# First pause if the server does not say how long to wait. It doubles each time.
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0


def details(error, kind):
    """The details of one kind in a failed call's status (google.rpc.Status)."""
    status = rpc_status.from_call(error)
    found = []
    for packed in status.details if status else ():
        detail = kind()
        if packed.Unpack(detail):
            found.append(detail)
    return found


def pause_before_retry(error, retries_so_far):
    """Seconds to wait before the next try, or None if another try would not help.

    The same report twice makes one Purchase. So the example repeats a call with an unknown
    outcome (DEADLINE_EXCEEDED), like one that was refused."""
    worth_it = (
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.DEADLINE_EXCEEDED,
    )
    if error.code() not in worth_it:
        return None
    pause = min(FIRST_PAUSE_S * 2**retries_so_far, LONGEST_PAUSE_S)
    # The server's own delay takes precedence.
    for info in details(error, error_details_pb2.RetryInfo):
        if info.HasField("retry_delay"):
            pause = info.retry_delay.seconds + info.retry_delay.nanos / 1e9
    return min(pause, LONGEST_PAUSE_S)


def give_up(error):
    """Prints what went wrong. Returns the exit code."""
    code = error.code()
    if code is grpc.StatusCode.FAILED_PRECONDITION:
        # Two systems disagree about the amount. Only a person can decide which is right.
        print(f"a person has to look: {error.details()}", file=sys.stderr)
        return 1
    if code is grpc.StatusCode.INVALID_ARGUMENT:
        for request in details(error, error_details_pb2.BadRequest):
            for fault in request.field_violations:
                print(f"{fault.field} {fault.description}", file=sys.stderr)
        return 2
    if code is grpc.StatusCode.UNAUTHENTICATED:
        print("the token is not one of the server's (TANDEM_INTERNAL_TOKEN)", file=sys.stderr)
        return 2
    # Keep the report and send it later.
    print(f"gave up for now: {code.name}: {error.details()}", file=sys.stderr)
    return 3


def main():
    parser = argparse.ArgumentParser(description="Reports to Tandem that an order was paid.")
    parser.add_argument("order_id", help="the shop's order ID; one order makes one Purchase, however often it is reported")
    parser.add_argument("amount", help="the paid amount as decimal text: 1499.00")
    parser.add_argument("--currency", default="INR")
    parser.add_argument("--email", help="the buyer's e-mail address; the server hashes it before it stores anything")
    parser.add_argument("--action-source", default="", help="where the sale happened: physical_store, phone_call, … (default: a website)")
    parser.add_argument("--attempts", type=int, default=5, help="number of tries")
    arguments = parser.parse_args()

    url = os.environ.get("TANDEM_SERVER_URL", "http://127.0.0.1:50051")
    token = os.environ.get("TANDEM_INTERNAL_TOKEN")
    if not token:
        print("TANDEM_INTERNAL_TOKEN is unset: without it the call would be a claim, not a merchant report", file=sys.stderr)
        return 2
    if not url.startswith("http://"):
        # Over the network, use grpc.secure_channel with the server's certificate.
        print("this example speaks plain http to a server on the same machine", file=sys.stderr)
        return 2

    common, tracking, service = stubs.load()
    fact = tracking.RecordPurchaseRequest(
        order_id=arguments.order_id,
        action_source=arguments.action_source,
        user=common.User(email=arguments.email),
        custom_data=common.CustomData(
            value=common.Money(amount=arguments.amount, currency_code=arguments.currency)
        ),
    )
    with grpc.insecure_channel(url.removeprefix("http://").rstrip("/")) as channel:
        client = service.TrackingServiceStub(channel)
        retries = 0
        while True:
            try:
                answer = client.RecordPurchase(
                    fact, timeout=CALL_TIMEOUT_S, metadata=(("authorization", f"Bearer {token}"),)
                )
            except grpc.RpcError as error:
                pause = pause_before_retry(error, retries)
                retries += 1
                if pause is None or retries >= arguments.attempts:
                    return give_up(error)
                print(f"not accepted ({error.code().name}); next try in {pause * 1000:.0f} ms", file=sys.stderr, flush=True)
                time.sleep(pause)
                continue
            state = tracking.PurchaseState.Name(answer.state)
            again = ", which it was before" if answer.duplicate else ""
            print(f"{answer.event_id} is {state}{again}")
            return 0


if __name__ == "__main__":
    sys.exit(main())
