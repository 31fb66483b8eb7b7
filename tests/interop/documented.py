"""CometChat's own page "User Presence", word for word."""

LISTENER = """
let listenerID = "UNIQUE_LISTENER_ID";

CometChat.addUserListener(
  listenerID,
  new CometChat.UserListener({
    onUserOnline: onlineUser => {
      console.log("On User Online:", { onlineUser });
    },
    onUserOffline: offlineUser => {
      console.log("On User Offline:", { offlineUser });
    }
  })
);
"""
REMOVAL = """
let listenerID = "UNIQUE_LISTENER_ID";
CometChat.removeUserListener(listenerID);
"""
TYPED_LISTENER = """
let listenerID: string = "UNIQUE_LISTENER_ID";

CometChat.addUserListener(
    listenerID,
    new CometChat.UserListener({
        onUserOnline: (onlineUser: CometChat.User) => {
            console.log("On User Online:", { onlineUser });
        },
        onUserOffline: (offlineUser: CometChat.User) => {
            console.log("On User Offline:", { offlineUser });
        }
    })
);
"""
TYPED_REMOVAL = """
let listenerID: string = "UNIQUE_LISTENER_ID";
CometChat.removeUserListener(listenerID);
"""
