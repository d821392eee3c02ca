"""What the end-to-end tests share: real processes, a client written from the protocol's text alone, a cluster."""
from .cases import ClusterTest, EndToEndTest, main
from .client import Client, Reply, request_frame
from .cluster import Cluster
from .command_line import Ran, one_shot, run, shell
from .processes import PROGRAMS, Process, free_ports
from .waiting import wait_for

__all__ = ["Client", "Cluster", "ClusterTest", "EndToEndTest", "PROGRAMS", "Process", "Ran", "Reply", "free_ports", "main",
           "one_shot", "request_frame", "run", "shell", "wait_for"]
