"""Tests the examples without a server: python -m unittest discover examples/python"""

import unittest

import grpc
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2

from claim_key import claim_key
from record_purchase import LONGEST_PAUSE_S, pause_before_retry


class FailedCall:
    """A failed call with the methods of a grpcio error."""

    def __init__(self, code, *details):
        packed = []
        for detail in details:
            item = any_pb2.Any()
            item.Pack(detail)
            packed.append(item)
        status = status_pb2.Status(code=code.value[0], message="not now", details=packed)
        self._code, self._trailers = code, (("grpc-status-details-bin", status.SerializeToString()),)

    def code(self):
        return self._code

    def details(self):
        return "not now"

    def trailing_metadata(self):
        return self._trailers


class Retries(unittest.TestCase):
    def test_the_servers_word_on_when_to_come_back_wins(self):
        info = error_details_pb2.RetryInfo()
        info.retry_delay.FromMilliseconds(7_250)
        busy = FailedCall(grpc.StatusCode.UNAVAILABLE, info)
        self.assertEqual(pause_before_retry(busy, 3), 7.25)
        away = FailedCall(grpc.StatusCode.UNAVAILABLE)
        self.assertEqual(pause_before_retry(away, 0), 0.5)
        self.assertEqual(pause_before_retry(away, 2), 2.0)
        self.assertEqual(pause_before_retry(away, 60), LONGEST_PAUSE_S)
        self.assertIsNotNone(pause_before_retry(FailedCall(grpc.StatusCode.DEADLINE_EXCEEDED), 0))

    def test_what_a_repeat_cannot_mend_is_not_repeated(self):
        for code in (
            grpc.StatusCode.FAILED_PRECONDITION,
            grpc.StatusCode.INVALID_ARGUMENT,
            grpc.StatusCode.UNAUTHENTICATED,
            grpc.StatusCode.INTERNAL,
        ):
            self.assertIsNone(pause_before_retry(FailedCall(code), 0), code)


class ClaimKeys(unittest.TestCase):
    def test_a_claim_key_is_the_hmac_of_the_order_id(self):
        # RFC 4231, test case 2.
        key = claim_key("Jefe", "what do ya want for nothing?")
        self.assertEqual(key, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")


if __name__ == "__main__":
    unittest.main()
