"""llama.cpp's own HTTP server out of the xllamacpp wheel, which ships no command for it. Runs in its environment."""

import argparse
import os
import signal
from pathlib import Path

import xllamacpp  # type: ignore[import-not-found]  # it stands in its own environment only


def main() -> None:
    """Serve one GGUF file on 127.0.0.1 until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(description="Serve a GGUF file on 127.0.0.1.")
    parser.add_argument("model", help="the GGUF file")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--alias", required=True, help="the model's name on the wire")
    parser.add_argument("--api-key", required=True)
    parser.add_argument("--template", type=Path, required=True, help="Jinja chat template")
    parser.add_argument("--context", type=int, default=4096, help="tokens, shared by the requests in flight")
    parser.add_argument("--parallel", type=int, default=2, help="requests in flight")
    arguments = parser.parse_args()
    stop_signals = {signal.SIGTERM, signal.SIGINT}
    # Before the server starts its threads, which inherit the mask.
    signal.pthread_sigmask(signal.SIG_BLOCK, stop_signals)

    params = xllamacpp.CommonParams()
    params.model.path = arguments.model
    params.model_alias = {arguments.alias}
    params.hostnames = ["127.0.0.1"]
    params.port = arguments.port
    params.api_keys = [arguments.api_key]
    params.chat_template = arguments.template.read_text()
    params.use_jinja = True
    params.n_ctx = arguments.context
    params.n_parallel = arguments.parallel
    # Else each request in flight gets its fixed share of the context, however idle the others are.
    params.kv_unified = True
    # llama.cpp's threads spin while they wait for each other: where another process wants a core too, two write slower
    # than one, down to a token a second. One writes 100 tokens a second; only prompts gain by more.
    params.cpuparams.n_threads = 1
    params.cpuparams_batch.n_threads = min(4, os.cpu_count() or 1)
    params.cpuparams.poll = params.cpuparams_batch.poll = 0
    # Two runs of one prompt give one answer, unless the request says otherwise.
    params.sampling.seed = 42
    params.sampling.temp = 0.0

    server = xllamacpp.Server(params)
    print(f"listening on {server.listening_address}", flush=True)
    signal.sigwait(stop_signals)
    # The destructor would wait for requests in flight.
    os._exit(0)


if __name__ == "__main__":
    main()
