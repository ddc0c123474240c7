"""Makes Python stubs of Tandem's protocol in a temporary folder and imports them.

Your own service makes them once, when it is built:

    python -m grpc_tools.protoc -I proto --python_out=. --grpc_python_out=. proto/tandem/v1/*.proto
"""

import atexit
import importlib
import pathlib
import shutil
import sys
import tempfile

import grpc_tools
from grpc_tools import protoc

PROTO = pathlib.Path(__file__).resolve().parents[2] / "proto"


def load():
    """Returns three modules: the messages common and tracking, and the client."""
    folder = tempfile.mkdtemp(prefix="tandem-stubs-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    own_types = pathlib.Path(grpc_tools.__file__).parent / "_proto"  # google/protobuf/timestamp.proto
    files = [str(PROTO / "tandem" / "v1" / name) for name in ("common.proto", "tracking.proto")]
    arguments = ["protoc", f"-I{PROTO}", f"-I{own_types}", f"--python_out={folder}", f"--grpc_python_out={folder}"]
    if protoc.main(arguments + files) != 0:
        raise RuntimeError(f"the stubs of {PROTO} cannot be made")
    sys.path.insert(0, folder)
    names = ("common_pb2", "tracking_pb2", "tracking_pb2_grpc")
    return tuple(importlib.import_module(f"tandem.v1.{name}") for name in names)
