"""What `make check` asks of programs that others wrote: each gate answers with findings, and every exception is written down."""
