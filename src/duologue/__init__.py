"""Private conversations between two connected clients, over Socket.IO."""
