"""Redis as the application sees it: protocol, connections, which server an operation goes to."""
