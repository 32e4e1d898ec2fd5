"""The one entry of Yikatong."""

import gc
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

if __name__ == "__main__":
    if sys.argv[1:2] == ["reader-agent"]:  # a cashier's computer, perhaps Windows: nothing of the daemon is imported
        from daemon.agent_command import reader_agent

        reader_agent(sys.argv[2:], prog_name="run.py reader-agent")
    else:
        gc.disable()  # what is imported stays: looking for garbage among it took a fifth of every start
        from daemon.cli import main

        gc.freeze()
        gc.enable()
        main()
