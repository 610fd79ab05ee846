"""The only room with I/O: the transport, its retries, how a stream is read and ends, and the HTTP libraries."""
