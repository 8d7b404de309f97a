// Uses the client that openapi-generator makes: a new name erases nothing, and a refresh gets the refresh token.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"

	"latchkey.example/client/latchkey"
)

func main() {
	settings := latchkey.NewConfiguration()
	settings.Servers = latchkey.ServerConfigurations{{URL: os.Args[1]}}
	client := latchkey.NewAPIClient(settings)
	nobody := context.Background()

	signedUp, _, err := client.SignInAPI.Signup(nobody).
		SignupRequest(*latchkey.NewSignupRequest("go@example.com", "correct horse battery")).Execute()
	check(err)

	somebody := context.WithValue(nobody, latchkey.ContextAccessToken, signedUp.GetAccessToken())
	all := latchkey.NewUpdateAccountRequest()
	all.SetFirstName("Ann")
	all.SetLastName("Lee")
	all.SetLocale("de")
	_, _, err = client.AccountAPI.UpdateAccount(somebody).UpdateAccountRequest(*all).Execute()
	check(err)

	one := latchkey.NewUpdateAccountRequest()
	one.SetFirstName("Kim")
	_, _, err = client.AccountAPI.UpdateAccount(somebody).UpdateAccountRequest(*one).Execute()
	check(err)

	sent := latchkey.NewRefreshRequest()
	sent.SetRefreshToken(signedUp.GetRefreshToken())
	inBody, _, err := client.SignInAPI.Refresh(nobody).RefreshRequest(*sent).Execute()
	check(err)

	key := latchkey.APIKey{Key: inBody.GetRefreshToken(), Prefix: "Bearer"}
	keys := map[string]latchkey.APIKey{"refreshToken": key}
	inHeader, _, err := client.SignInAPI.Refresh(context.WithValue(nobody, latchkey.ContextAPIKeys, keys)).Execute()
	check(err)

	account, _, err := client.AccountAPI.GetAccount(
		context.WithValue(nobody, latchkey.ContextAccessToken, inHeader.GetAccessToken())).Execute()
	check(err)
	check(json.NewEncoder(os.Stdout).Encode(account))
}

func check(err error) {
	if err != nil {
		log.Fatal(fmt.Errorf("the client failed: %w", err))
	}
}
