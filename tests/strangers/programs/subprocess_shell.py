"""A command is run, and its output and exit code shown.

After Python's documentation.
"""

import asyncio


async def run(command):
    process = await asyncio.create_subprocess_shell(
        command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    stdout, stderr = await process.communicate()
    print(f"[{command!r} exited with {process.returncode}]")
    if stdout:
        print(f"[stdout]\n{stdout.decode()}")
    if stderr:
        print(f"[stderr]\n{stderr.decode()}")


async def main():
    await run("echo hello; echo no >&2; exit 3")
    await run("echo again")


asyncio.run(main())
