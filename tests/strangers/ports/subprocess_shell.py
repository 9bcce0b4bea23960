"""A command is run, and its output and exit code shown, with AnyIO."""

import anyio


async def run(command):
    process = await anyio.run_process(command, check=False)
    print(f"[{command!r} exited with {process.returncode}]")
    if process.stdout:
        print(f"[stdout]\n{process.stdout.decode()}")
    if process.stderr:
        print(f"[stderr]\n{process.stderr.decode()}")


async def main():
    await run("echo hello; echo no >&2; exit 3")
    await run("echo again")


anyio.run(main)
