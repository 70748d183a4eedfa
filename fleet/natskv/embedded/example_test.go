package embedded_test

import (
	"fmt"
	"os"

	"github.com/bulklink/bulklink-go/fleet/natskv/embedded"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// The options of the server set what the process allows its clients.
func ExampleStart() {
	dir, err := os.MkdirTemp("", "nats-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	s, err := embedded.Start(dir,
		embedded.Listen("127.0.0.1:0"),
		embedded.Configure(func(o *server.Options) { o.Username, o.Password = "fleet", "secret" }))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	_, err = nats.Connect(s.URL())
	fmt.Println(err)
	conn, err := nats.Connect(s.URL(), nats.UserInfo("fleet", "secret"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()
	fmt.Println(conn.Status())
	// Output:
	// nats: Authorization Violation
	// CONNECTED
}
